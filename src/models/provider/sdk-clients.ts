/**
 * The AI SDK's clients: half of all our code, so they are loaded when the first agent needs one. The classes behind the
 * packages' factories are used, because the factories bring images, speech, files and batches along; the packages are
 * pinned to exact versions for that.
 */
export { AnthropicLanguageModel } from "@ai-sdk/anthropic/internal";
export { GoogleLanguageModel } from "@ai-sdk/google/internal";
