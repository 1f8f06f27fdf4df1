// Lets a crowd pass in order, a few in each turn of the event loop, so that what each does next holds nobody else up.

export class Turnstile {
  readonly #perTurn: number;
  #waiting: (() => void)[] = [];
  #isTurning = false;

  /** @param perTurn how many may pass before the event loop looks at its sockets again */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves when it is the caller's turn: for one that comes alone in the next turn of the event loop. */
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
