/**
 * `builtin/faq`: answers from the agent's own knowledge, word for word, or says honestly that it has no answer and what
 * it could answer instead. Needs no key and no network, and answers the same conversation the same way every time.
 */
import { type Model, type ModelEvent, type ModelRequest, questionsOf } from "../../chat/ports.ts";
import type { Knowledge } from "../../chat/agent.ts";
import { KnowledgeIndex, type Match } from "./search.ts";
import { courtesyOf, isFollowUp, languageOf, refersBack, type Word, wordsOf } from "./terms.ts";
import { words } from "../words.ts";

/** Characters of a message that are read: what is longer is hardly a question, but would take long to look up. */
const MAX_READ = 2000;
/** Questions that are offered where there is no answer. */
const OFFERED = 3;
/** Clauses of a long message that are looked up. */
const CLAUSES = 16;
/** Earlier messages that a follow-up is understood from, and how much their words count beside its own. */
const EARLIER = 3;
const EARLIER_WEIGHT = 0.5;

export function faqModel(name: string, knowledge: Knowledge[]): Model {
  return { name, stream: (request, signal) => stream(request, knowledge, signal) };
}

async function* stream(
  request: ModelRequest,
  knowledge: Knowledge[],
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, void> {
  const asked = questionsOf(request).map((question) => question.slice(0, MAX_READ));
  for (const text of words(answerTo(asked, knowledge))) {
    if (signal.aborted) return;
    yield { type: "text", text };
  }
  if (!signal.aborted) yield { type: "finish", usage: null };
}

/** Indexes, for as long as their agent's settings are in memory: making one costs more than asking it. */
const indexes = new WeakMap<Knowledge[], KnowledgeIndex>();

function indexOf(knowledge: Knowledge[]): KnowledgeIndex {
  let index = indexes.get(knowledge);
  if (!index) {
    index = new KnowledgeIndex(knowledge);
    indexes.set(knowledge, index);
  }
  return index;
}

/** The reply to the last of the user's messages (oldest first). */
export function answerTo(messages: string[], knowledge: Knowledge[]): string {
  const message = messages.at(-1) ?? "";
  const index = indexOf(knowledge);
  const same = index.same(message);
  if (same) return same.answer;

  const { phrases } = languageOf(message, index.language);
  const courtesy = courtesyOf(message);
  const matches = courtesy ? [] : find(messages, index);
  const best = matches[0];
  if (best?.covered) return best.entry.answer;

  const questions = [...new Set([...matches.map(({ entry }) => entry), ...knowledge])].slice(0, OFFERED);
  const offer =
    questions.length === 0
      ? phrases.nothing
      : [phrases.topics, ...questions.map(({ question }) => `- ${question}`)].join("\n");
  if (courtesy) return `${courtesy === "greeting" ? phrases.hello : phrases.welcome} ${offer}`;
  // "What can you do?" has no topic of its own: the offer is its answer.
  const asksNothing = wordsIn(message, index).every(({ weight }) => weight === 0);
  return asksNothing && knowledge.length > 0 ? offer : `${phrases.noAnswer} ${offer}`;
}

/** The entries that may answer the last message, best first. */
function find(messages: string[], index: KnowledgeIndex): Match[] {
  const message = messages.at(-1) ?? "";
  const own = wordsIn(message, index);
  const alone = index.search(own);
  if (isFollowUp(message, own)) return followedUp(messages, own, alone, index);
  return alone[0]?.covered ? alone : (clauseThatFits(message, index) ?? alone);
}

/** A question inside a longer story: the best match of one of its clauses, if that has more than a single topic word. */
function clauseThatFits(message: string, index: KnowledgeIndex): Match[] | null {
  const clauses = message.split(/[.,;:!?。、，！？\n]+/).map((clause) => wordsIn(clause, index));
  const found = clauses
    .filter((clause) => clause.filter(({ weight }) => weight >= 0.5).length > 1)
    .slice(0, CLAUSES)
    .map((clause) => index.search(clause))
    .filter(([best]) => best?.covered);
  return found.toSorted(([a], [b]) => (b?.score ?? 0) - (a?.score ?? 0))[0] ?? null;
}

/** Entries that fit about as well as the best. */
const CLOSE = 0.2;

/** A follow-up, read together with what it follows: that decides where it says too little of its own. */
function followedUp(messages: string[], own: Word[], alone: Match[], index: KnowledgeIndex): Match[] {
  const message = messages.at(-1) ?? "";
  const most = Math.max(0, ...own.map(({ weight }) => weight));
  const earlier = earlierWords(messages.slice(0, -1), index, EARLIER_WEIGHT * (most >= 0.5 ? most : 1));
  if (earlier.length === 0) return alone;
  const together = index.search([...earlier, ...own]);
  const among = (matches: Match[]) => together.filter(({ entry }) => matches.some((match) => match.entry === entry));
  const [best] = alone;
  if (best?.covered && !refersBack(message)) {
    return among(alone.filter(({ covered, score }) => covered && score > best.score - CLOSE)).map((match) => ({
      ...match,
      covered: true,
    }));
  }
  // What it says of its own must be part of the match: "and in Tokyo?" is not answered by what was said about Rome.
  const fitting = most >= 1 ? among(alone) : together;
  if (fitting[0]?.covered) return fitting;
  return best ? alone : together.map((match) => ({ ...match, covered: false }));
}

/** Words of the messages before a follow-up, back to the first that stands on its own and had an answer. */
function earlierWords(messages: string[], index: KnowledgeIndex, weighing: number): Word[] {
  const found: Word[] = [];
  for (const message of messages.slice(-EARLIER).toReversed()) {
    if (courtesyOf(message)) continue;
    const own = wordsIn(message, index);
    const followsUp = isFollowUp(message, own);
    if (!followsUp && !index.same(message) && !index.search(own)[0]?.covered) continue;
    found.push(...own.map((word) => ({ ...word, weight: word.weight * weighing })));
    if (!followsUp) break;
  }
  return found.filter(({ weight }) => weight > 0);
}

const wordsIn = (text: string, index: KnowledgeIndex) => wordsOf(text, languageOf(text, index.language));
