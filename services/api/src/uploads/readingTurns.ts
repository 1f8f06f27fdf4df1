// Decides which upload is read next. Keys take turns, and no key can hold all places if there are several. A key without a place also gets
// a short try, so that a small upload is read within seconds even if long readings of other keys hold all places.
import { FairSemaphore, type Release } from '../fairSemaphore.ts';

export interface ReadingTurnsOptions {
  /** How many uploads are read at the same time. One more is read in a short try. */
  readonly places: number;
  /** How long a short try may take, in ms. 0 means no short tries. */
  readonly tryMs: number;
}

/** Ends a short try that took too long. */
class CutError extends Error {
  constructor() {
    super('the short try is over');
    this.name = 'CutError';
  }
}

/** Work that can be started several times. It ends when its signal is aborted. */
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
   * Runs `work` when it is the key's turn. A short try may be aborted; then `work` is started again.
   * @throws the error of `work`, if it fails
   * @throws the reason of `signal`, if it is aborted
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

  /**
   * Runs `work` for a short time, unless the key gets a place first. If the key gets a place during the try, the time limit is lifted.
   * @returns `null` if there is no result and `work` must run in the place
   */
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
