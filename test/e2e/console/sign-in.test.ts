/** Signing in to the console at a company's identity provider, in a real browser against a real provider. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Stage } from "../widget/stage.ts";
import { eventually } from "../widget/visitor.ts";
import { type Login, startLogin } from "./login.ts";
import { Staff, violations } from "./staff.ts";

const stage = Stage.setUp();
let login: Login;
let link: string;

beforeAll(async () => {
  login = await startLogin("console-client", `${stage.api.url}/console`);
  const { company_id } = await stage.api.call("GET", "/v1/auth/validate");
  await stage.api.call("POST", "/v1/auth/issuer", {
    issuer: login.issuer,
    audience: "console-client",
    role_claim: "role",
    token: await login.sign({ sub: "of nobody" }),
  });
  link = `/console?company=${company_id}`;
}, 60_000);
afterAll(() => login?.close());

/** At the provider's own page, sent there by the console. */
async function atLogin(staff: Staff, path: string): Promise<void> {
  await staff.page.goto(stage.api.url + path);
  await staff.button(/^Sign in at 127/).click();
  await staff.page.getByRole("heading", { name: "Login" }).waitFor();
}

describe("the identity provider of the company", () => {
  it("signs people in, under their name, and again after they signed out", async () => {
    const staff = await Staff.at(stage.browser, stage.api);
    const seen: string[] = [];
    staff.page.on("request", (request) => seen.push(`${request.url()} ${request.postData() ?? ""}`));
    await atLogin(staff, link);
    const asked = new URL(staff.page.url()).searchParams;
    await staff.page.getByRole("textbox", { name: "Name" }).fill("Vera");
    await staff.button("Let me in").click();
    await staff.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
    expect(new URL(staff.page.url()).search).toBe("");
    // The code_verifier goes to the service once, and to nobody else.
    const challenge = asked.get("code_challenge") ?? "";
    const verified = seen.filter((request) => request.includes("code_verifier"));
    expect(verified.map((request) => request.split(" ")[0])).toEqual([
      expect.stringMatching(new RegExp(`^${stage.api.url}/v1/auth/sign-in/`)),
    ]);
    expect(challenge).toHaveLength(43);
    await staff.page.reload();
    await staff.page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
    const { users } = await stage.api.call("GET", "/v1/user");
    expect(users).toContainEqual(expect.objectContaining({ name: "Vera", issuer: login.issuer, role: "admin" }));
    await staff.button("Sign out").click();
    // The company is remembered.
    await staff.button(/^Sign in at 127/).waitFor();
    expect(staff.complaints).toEqual([]);
    await staff.close();
  });

  it("is not believed when the answer is of another sign-in, and heard when it refuses", async () => {
    const staff = await Staff.at(stage.browser, stage.api);
    await atLogin(staff, link);
    await staff.button("Never mind").click();
    const notice = staff.page.getByRole("status");
    await notice.getByText("access_denied: The person did not want to").waitFor();
    await staff.page.goto(`${stage.api.url}/console?code=stolen&state=somebody-elses`);
    await notice.getByText("belongs to no sign-in that began in this tab").waitFor();
    expect(new URL(staff.page.url()).search).toBe("");
    await atLogin(staff, "/console");
    await staff.page.goto(`${stage.api.url}/console?code=stolen&state=somebody-elses`);
    await notice.getByText("belongs to no sign-in that began in this tab").waitFor();
    expect(await staff.page.evaluate(() => (globalThis as any).sessionStorage.length)).toBe(0);
    await staff.close();
  });

  it("says that a company has none, shows that an identifier is none, and is accessible", async () => {
    const staff = await Staff.at(stage.browser, stage.api);
    await staff.page.getByRole("tab", { name: "Single sign-on" }).click();
    const company = staff.page.getByRole("textbox", { name: "Your company’s identifier" });
    await company.fill("acme");
    await staff.button("Continue").click();
    await staff.page.locator(".field[data-invalid]").getByText("is not an id").waitFor();
    await company.fill("019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f");
    await staff.button("Continue").click();
    await staff.page.getByRole("status").getByText("no such company").waitFor();
    expect(await violations(staff.page)).toEqual([]);
    await company.fill(link.split("=")[1] ?? "");
    await company.press("Enter");
    await staff.button(/^Sign in at 127/).waitFor();
    expect(await violations(staff.page)).toEqual([]);
    await eventually(() => company.inputValue()).toBe(link.split("=")[1]);
    await staff.close();
  });
});
