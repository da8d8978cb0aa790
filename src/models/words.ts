/** Text cut into words for streaming; the pieces concatenate to exactly the text. */

/** A run of white space at the start, then words, each with the white space after it. */
const PIECE = /^\s+|\S+\s*/g;

/** The pieces of `text`, none of them empty and none of them splitting a character. */
export function words(text: string): string[] {
  return text.match(PIECE) ?? [];
}
