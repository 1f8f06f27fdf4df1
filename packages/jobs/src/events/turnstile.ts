// Lets waiting callers continue in order, a few in each turn of the event loop, so that they do not delay other work.

export class Turnstile {
  readonly #perTurn: number;
  #waiting: (() => void)[] = [];
  #isTurning = false;

  /** @param perTurn how many callers may continue in one turn of the event loop */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves when the caller may continue: if no other callers wait, in the next turn of the event loop. */
  async pass(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      for (const resolve of this.#waiting.splice(0, this.#perTurn)) resolve();
      if (this.#waiting.length > 0) this.#turn();
    });
  }
}
