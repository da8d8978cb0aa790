/**
 * An element that stays: beside the body, which pages replace, transform and blur, and back again when a framework that did
 * not make it clears it away.
 */
import { ofDocument } from "./page.ts";

/** How often within how many milliseconds it comes back: a page that removes it more often means it. */
const RETURNS = 5;
const WITHIN = 10_000;

export abstract class PlacedElement extends HTMLElement {
  #isRemoved = false;
  #returns: number[] = [];

  /** It is on the page; `isFirst` for the first time. */
  protected abstract placed(isFirst: boolean): void;
  /** It is off the page, and stays so until it is placed. */
  protected abstract removed(): void;
  /** Copies that a page makes of its own markup are not. */
  protected abstract isOriginal(): boolean;
  #isFirst = true;

  place(): void {
    this.#isRemoved = false;
    if (!this.isConnected) ofDocument("documentElement")?.appendChild(this);
  }

  override remove(): void {
    this.#isRemoved = true;
    this.parentNode?.removeChild(this);
  }

  connectedCallback(): void {
    if (!this.isOriginal()) return this.remove();
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.placed(isFirst);
  }

  disconnectedCallback(): void {
    if (this.isOriginal()) setTimeout(() => this.#return());
  }

  #return(): void {
    if (this.isConnected) return;
    const now = Date.now();
    this.#returns = [...this.#returns.filter((at) => now - at < WITHIN), now];
    if (!this.#isRemoved && this.#returns.length <= RETURNS) this.place();
    if (!this.isConnected) this.removed();
  }
}
