/** Keys that belong to an input method while it composes a word: Enter then ends the word. Safari says so by code 229 alone. */
import type { KeyboardEvent } from "react";

export const isComposing = ({ nativeEvent }: KeyboardEvent): boolean =>
  nativeEvent.isComposing || nativeEvent.keyCode === 229;
