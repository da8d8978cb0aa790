/** What Gemini is asked (Gemini API reference, "models.streamGenerateContent"; "Thought signatures"), as far as it takes that. */
import type { Call, CallOptions, CallResult, Message } from "../connect.ts";
import { instructed } from "./instructions.ts";

/** What not every model of Google's takes. */
export type GoogleManner = {
  /** Instructions apart from the messages. */
  system: boolean;
  /** The schema of an answer. */
  schema: boolean;
  /** Calls without the signature of the thought behind them. */
  unsigned: boolean;
};

/** Stands for the signature of a call that came without one. */
const NO_SIGNATURE = { thoughtSignature: "skip_thought_signature_validator" };

/** The body of a request. Members that are undefined are not sent. */
export function googleRequest(options: CallOptions, manner: GoogleManner) {
  const { instructions, messages, temperature, maxOutputTokens, stop, tools, toolChoice } = options;
  // Older models refuse a schema beside tools.
  const schema = manner.schema && !tools ? options.schema : undefined;
  return {
    systemInstruction: manner.system && instructions !== "" ? { parts: [{ text: instructions }] } : undefined,
    contents: (manner.system ? messages : instructed(instructions, messages)).map((one) => contentOf(one, manner)),
    tools: tools ? [{ functionDeclarations: tools.map(declarationOf) }] : undefined,
    toolConfig: toolChoice ? { functionCallingConfig: { mode: "NONE" } } : undefined,
    generationConfig: {
      temperature,
      maxOutputTokens,
      stopSequences: stop,
      responseMimeType: schema ? "application/json" : undefined,
      responseJsonSchema: schema,
    },
  };
}

/** Gemini needs the signatures of its texts and calls back, not what it thought. */
function contentOf(message: Message, { unsigned }: GoogleManner) {
  if (message.role === "user") return { role: "user", parts: [{ text: message.text }] };
  if (message.role === "tools") return { role: "user", parts: message.results.map(responseOf) };
  const first = message.said.find(({ type }) => type === "call");
  const parts = message.said.flatMap((part): object[] => {
    if (part.type !== "call") return part.type === "text" ? [{ text: part.text, ...part.notes }] : [];
    // Of calls that were made together, the first one has the signature.
    return [{ functionCall: callOf(part), ...(part === first && !unsigned ? NO_SIGNATURE : {}), ...part.notes }];
  });
  return { role: "model", parts };
}

/** The id that Gemini gave to a call, which it may not have. */
const identified = (id: string) => (id === "" ? {} : { id });

const callOf = ({ id, name, input }: Call) => ({ ...identified(id), name, args: input });

const responseOf = ({ id, name, failed, output }: CallResult) => ({
  functionResponse: {
    ...identified(id),
    name,
    response: { name, ...(failed ? { error: output } : { content: output }) },
  },
});

const declarationOf = ({ name, description, parameters }: NonNullable<CallOptions["tools"]>[number]) => ({
  name,
  description,
  parametersJsonSchema: parameters,
});
