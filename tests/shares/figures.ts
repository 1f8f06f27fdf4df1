// Counts the neighbour's requests, their response times and their faults, by kind of request.

export interface KindFigures {
  readonly count: number;
  /** The number of responses with each fault. */
  readonly wrong: Readonly<Record<string, number>>;
  /** The response times in ms. */
  readonly times: readonly number[];
}

export class Figures {
  readonly #kinds = new Map<string, { readonly times: number[]; readonly wrong: Map<string, number> }>();

  /** Counts a response. @param fault what is wrong with the response; null if it is right */
  add(kind: string, ms: number, fault: string | null): void {
    const entry = this.#kinds.get(kind) ?? { times: [], wrong: new Map<string, number>() };
    this.#kinds.set(kind, entry);
    entry.times.push(ms);
    if (fault !== null) entry.wrong.set(fault, (entry.wrong.get(fault) ?? 0) + 1);
  }

  /** The number of requests. */
  get requests(): number {
    return [...this.#kinds.values()].reduce((sum, { times }) => sum + times.length, 0);
  }

  /** The number of wrong responses. */
  get wrong(): number {
    return [...this.#kinds.values()].reduce((sum, { wrong }) => sum + [...wrong.values()].reduce((a, b) => a + b, 0), 0);
  }

  /** Returns the figures of every kind, sorted by name. */
  summary(): Record<string, KindFigures> {
    const entries = [...this.#kinds].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      entries.map(([kind, { times, wrong }]) => [kind, { count: times.length, wrong: Object.fromEntries(wrong), times }]),
    );
  }
}
