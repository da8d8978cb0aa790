-- Of printable ASCII, lower case is all that folding does. Other rows are left to the scheduled run (src/db/folded.ts).
UPDATE conversation SET title_folded = lower(title) WHERE title NOT GLOB '*[^ -~]*';
--> statement-breakpoint
UPDATE agent SET name_folded = lower(name) WHERE name NOT GLOB '*[^ -~]*';
--> statement-breakpoint
UPDATE lead SET
  first_name_folded = CASE WHEN first_name NOT GLOB '*[^ -~]*' THEN lower(first_name) END,
  last_name_folded = CASE WHEN last_name NOT GLOB '*[^ -~]*' THEN lower(last_name) END,
  email_folded = CASE WHEN email NOT GLOB '*[^ -~]*' THEN lower(email) END
WHERE coalesce(first_name, last_name, email) IS NOT NULL;
