/** Conversations: create, look at, list, change, delete, restore. */
export { conversationView } from "../chat/conversation.ts";
