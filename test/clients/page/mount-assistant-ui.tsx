/** Mounts the recipe for whoever the fragment says. */
import { createRoot } from "react-dom/client";
import { type Access, Assistant } from "recipe";

const access = Object.fromEntries(new URLSearchParams(location.hash.slice(1))) as Access;
const root = document.getElementById("root");
if (root) createRoot(root).render(<Assistant access={access} />);
