import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";

it("answers an unknown route with a problem document", async () => {
  const response = await exports.default.fetch("http://api.test/v1/nothing");
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ code: "not_found" });
});
