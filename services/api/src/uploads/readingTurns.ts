// Whose upload is read next. Keys take turns, and none holds the last place. A key that has no place gets a short try besides: so a small
// upload is read within seconds, also while long readings of other keys hold every place.
import { FairSemaphore, type Release } from '../fairSemaphore.ts';

export interface ReadingTurnsOptions {
  /** Uploads that are read at the same time. One more is read in a short try. */
  readonly places: number;
  /** How long a short try may take, in ms; 0: there are none. */
  readonly tryMs: number;
}

/** A short try took too long. */
class CutError extends Error {
  constructor() {
    super('the short try is over');
    this.name = 'CutError';
  }
}

/** What can be started several times. Its signal ends it. */
type Work<T> = (signal: AbortSignal) => Promise<T>;

export class ReadingTurns {
  readonly #places: FairSemaphore;
  readonly #tries = new FairSemaphore({ places: 1 });
  readonly #tryMs: number;

  constructor({ places, tryMs }: ReadingTurnsOptions) {
    this.#places = new FairSemaphore({ places, placesPerKey: Math.max(1, places - 1) });
    this.#tryMs = tryMs;
  }

  /**
   * Runs `work` when it is the key's turn. It may be started, ended by its signal and started again.
   * @throws what `work` throws, and the signal's reason when aborted
   */
  async run<T>(key: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    const left = new AbortController();
    const isTried = this.#tryMs > 0 && this.#places.heldBy(key) === 0 && this.#places.freeFor(key) === 0;
    const place = this.#places.acquire(key, AbortSignal.any([signal, left.signal]));
    const giveBack = (): void => {
      left.abort(new Error('the work is done'));
      place.then(
        (release) => release(),
        () => undefined,
      );
    };
    try {
      const tried = isTried ? await this.#try(key, place, signal, work) : null;
      if (tried !== null) return tried.result;
      await place;
      return await work(signal);
    } finally {
      giveBack();
    }
  }

  /** Runs `work` for a short time, unless the place comes first. When the place comes meanwhile, the work goes on in it. */
  async #try<T>(key: string, place: Promise<Release>, signal: AbortSignal, work: Work<T>): Promise<{ readonly result: T } | null> {
    const hasPlace = place.then(() => true);
    const stop = new AbortController();
    const turn = this.#tries.acquire(key, stop.signal);
    const giveBack = (): void => {
      stop.abort(new CutError());
      turn.then(
        (release) => release(),
        () => undefined,
      );
    };
    try {
      if (await Promise.race([hasPlace, turn.then(() => false)])) return null;
      const timer = setTimeout(() => stop.abort(new CutError()), this.#tryMs);
      void hasPlace.then(
        async () => {
          clearTimeout(timer);
          (await turn)();
        },
        () => undefined,
      );
      try {
        return { result: await work(AbortSignal.any([signal, stop.signal])) };
      } finally {
        clearTimeout(timer);
      }
    } catch (error) {
      if (error instanceof CutError && !signal.aborted) return null;
      throw error;
    } finally {
      giveBack();
    }
  }
}
