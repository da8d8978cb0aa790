/** A small identity provider that people sign in at: OpenID Connect's code flow for a client without a secret, with PKCE. */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export type Login = {
  issuer: string;
  /** A token as its clients get it. */
  sign: (claims: JWTPayload) => Promise<string>;
  close: () => Promise<unknown>;
};

type Granted = { challenge: string; redirect_uri: string; claims: JWTPayload };

/** `client_id` is its only client, `redirect_uri` the only address that client may come back to. */
export async function startLogin(client_id: string, redirect_uri: string): Promise<Login> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" };
  const codes = new Map<string, Granted>();
  const sign = (claims: JWTPayload) =>
    new SignJWT({ iss: issuer, aud: client_id, ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);

  /** The form that people sign in with; what was asked for goes along in it. */
  const form = (url: URL) => {
    const wrong = [
      url.searchParams.get("client_id") !== client_id && "client_id",
      url.searchParams.get("redirect_uri") !== redirect_uri && "redirect_uri",
      url.searchParams.get("code_challenge_method") !== "S256" && "code_challenge_method",
      !url.searchParams.get("scope")?.split(" ").includes("openid") && "scope",
    ].filter(Boolean);
    if (wrong.length > 0) return `<h1>Wrong: ${wrong.join()}</h1>`;
    const query = url.search.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return `<title>Login</title><link rel="icon" href="data:,"><h1>Login</h1><form method="post" action="/decide${query}">
      <label>Name <input name="name"></label><button name="as" value="yes">Let me in</button><button name="as" value="no">Never mind</button></form>`;
  };

  const decide = (url: URL, sent: URLSearchParams) => {
    const back = new URL(redirect_uri);
    back.searchParams.set("state", url.searchParams.get("state") ?? "");
    back.searchParams.set("iss", issuer);
    if (sent.get("as") === "no") {
      back.searchParams.set("error", "access_denied");
      back.searchParams.set("error_description", "The person did not want to");
      return back.href;
    }
    const name = sent.get("name") ?? "";
    const code = randomUUID();
    const claims = { sub: `of ${name}`, name, role: "admin", nonce: url.searchParams.get("nonce") };
    codes.set(code, { challenge: url.searchParams.get("code_challenge") ?? "", redirect_uri, claims });
    back.searchParams.set("code", code);
    return back.href;
  };

  const exchange = async (sent: URLSearchParams): Promise<[status: number, body: object]> => {
    const code = sent.get("code") ?? "";
    const granted = codes.get(code);
    codes.delete(code);
    const challenge = createHash("sha256")
      .update(sent.get("code_verifier") ?? "")
      .digest("base64url");
    const isGood =
      granted?.challenge === challenge &&
      granted.redirect_uri === sent.get("redirect_uri") &&
      sent.get("client_id") === client_id;
    if (!isGood) return [400, { error: "invalid_grant" }];
    return [200, { token_type: "Bearer", access_token: "opaque", id_token: await sign(granted.claims) }];
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", issuer);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = new URLSearchParams(Buffer.concat(chunks).toString());
    const json = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    switch (`${request.method} ${url.pathname}`) {
      case "GET /.well-known/openid-configuration":
        return json(200, {
          issuer,
          jwks_uri: `${issuer}/keys`,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
        });
      case "GET /keys":
        return json(200, { keys: [jwk] });
      case "GET /authorize":
        return response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(form(url));
      case "POST /decide":
        return response.writeHead(303, { location: decide(url, sent) }).end();
      case "POST /token":
        return json(...(await exchange(sent)));
      default:
        return response.writeHead(404).end();
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { issuer, sign, close };
}
