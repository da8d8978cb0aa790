/** Composes middleware and routes. The same app is served under /v1 and, for clients with that prefix, /api/v1. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { uuidv7 } from "uuidv7";
import { configOf } from "./config.ts";
import { causeOf, isTransient } from "./db/database.ts";
import { Api } from "./http/api.ts";
import { setBookmarkHeader } from "./http/database.ts";
import { type AppContext, type AppEnv, askedOrigin, originOf } from "./http/context.ts";
import { cors } from "./http/cors.ts";
import { addHeaders } from "./http/headers.ts";
import { Methods } from "./http/methods.ts";
import { logRequest } from "./http/request-log.ts";
import { toPlainPath } from "./http/plain-path.ts";
import { lazy } from "./lazy.ts";
import { Problem, type ProblemDetails } from "./problem/problem.ts";
import { problemResponse } from "./problem/response.ts";
import { agentRoutes } from "./routes/agent/agent.ts";
import { analyticRoutes } from "./routes/analytic/conversation.ts";
import { apiKeyRoutes } from "./routes/api-key.ts";
import { auditRoutes } from "./routes/audit.ts";
import { budgetRoutes } from "./routes/budget/budget.ts";
import { chatRoutes } from "./routes/chat/chat.ts";
import { companyRoutes } from "./routes/company.ts";
import { consoleRoutes } from "./routes/console.ts";
import { completionRoutes } from "./routes/chat/completions.ts";
import { contextRoutes } from "./routes/conversation/context.ts";
import { handlingRoutes } from "./routes/conversation/handling.ts";
import { conversationRoutes } from "./routes/conversation/conversation.ts";
import { embedRoutes } from "./routes/agent/embed.ts";
import { erasureRoutes } from "./routes/erasure.ts";
import { feedbackRoutes } from "./routes/message/feedback.ts";
import { docsRoutes } from "./routes/docs.ts";
import { healthRoutes } from "./routes/health.ts";
import { holdRoutes } from "./routes/hold.ts";
import { indexRoutes } from "./routes/index-page.ts";
import { issuerRoutes } from "./routes/issuer.ts";
import { keySetRoutes } from "./routes/key-set.ts";
import { leadRoutes } from "./routes/lead/lead.ts";
import { messageRoutes } from "./routes/message/message.ts";
import { modelRoutes } from "./routes/models.ts";
import { messageSearchRoutes } from "./routes/message/search.ts";
import { modelProviderRoutes } from "./routes/model-provider/model-provider.ts";
import { modelPriceRoutes } from "./routes/model-provider/prices.ts";
import { modelProviderTestRoutes } from "./routes/model-provider/test.ts";
import { setupPage, setupRoutes } from "./routes/setup.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { tokenRoutes } from "./routes/token.ts";
import { turnRoutes } from "./routes/turn.ts";
import { userRoutes } from "./routes/user.ts";
import { webhookDeliveryRoutes } from "./routes/webhook/delivery.ts";
import { webhookRoutes } from "./routes/webhook/webhook.ts";
import { widgetRoutes } from "./routes/widget.ts";

export const api = new Api();
agentRoutes(api);
embedRoutes(api);
leadRoutes(api);
apiKeyRoutes(api);
tokenRoutes(api);
issuerRoutes(api);
signInRoutes(api);
modelProviderRoutes(api);
modelPriceRoutes(api);
modelProviderTestRoutes(api);
auditRoutes(api);
companyRoutes(api);
userRoutes(api);
erasureRoutes(api);
holdRoutes(api);
budgetRoutes(api);
webhookRoutes(api);
webhookDeliveryRoutes(api);
conversationRoutes(api);
messageSearchRoutes(api);
messageRoutes(api);
feedbackRoutes(api);
chatRoutes(api);
turnRoutes(api);
completionRoutes(api);
modelRoutes(api);
contextRoutes(api);
handlingRoutes(api);
healthRoutes(api);
setupRoutes(api);
analyticRoutes(api);

const app = new Hono<AppEnv>();

app.use(async (c, next) => {
  const sent = c.req.header("x-request-id");
  c.set("request_id", sent && /^[\w.:-]{1,128}$/.test(sent) ? sent : uuidv7());
  const began = Date.now();
  c.set("database", {});
  c.set("config", configOf(c.env));
  await next();
  await setBookmarkHeader(c);
  addHeaders(c);
  logRequest(c, began);
});

app.use(cors(api.routes), toPlainPath, (c, next) => {
  const isPreflight = c.req.header("access-control-request-method") !== undefined;
  if (c.req.method === "OPTIONS" && !isPreflight) return Promise.resolve(methods().options(c.req.path));
  methods().admit(c.req.path, c.req.method);
  return next();
});
app.route("/v1", api.hono);
app.route("/api/v1", api.hono);
docsRoutes(app);
indexRoutes(app);
keySetRoutes(app);
widgetRoutes(app);
setupPage(app);
consoleRoutes(app);

const methods = lazy(() => new Methods(app.routes));

app.notFound((c) => problemResponse(methods().refusal(c.req.path).details, originFor(c), c.get("request_id")));

app.onError((error, c) => {
  const details = problemOf(error);
  if (!(error instanceof Problem) && details.code !== "malformed_request")
    console.error({ request_id: c.get("request_id"), event: details.code, error: causeOf(error) });
  return problemResponse(details, originFor(c), c.get("request_id") ?? "", c.get("dialect"));
});

/** As everywhere; a config that does not hold leaves the origin that was asked. */
const originFor = (c: AppContext) => (c.get("config") ? originOf(c) : askedOrigin(c));

function problemOf(error: unknown): ProblemDetails {
  if (error instanceof Problem) return error.details;
  if (error instanceof HTTPException && error.status < 500) return { code: "malformed_request" };
  if (isTransient(error)) return { code: "store_unavailable", retry_after: 5 };
  return { code: "internal_error", detail: "Something went wrong on our side." };
}

export default app;
