// Retries calls to the artifact storage while it is unavailable: no connection, access denied or disk full. A job then waits and does not
// fail. Calls are repeated with growing pauses. The start and the end of an outage are each reported once. The worker renews
// the lease of a job while it waits.
import { setTimeout as delay } from 'node:timers/promises';
import { ArtifactError, isStorageAway, unlessAborted } from '@trainyard/jobs';
import type { Reason } from './runError.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How long the first try of a call may continue after a pause is requested, in ms. */
const LAST_CALL_MS = 8_000;

/** How many times a file is fetched if it arrives damaged. */
const DAMAGED_TRIES = 5;

/** Called with the reason when the storage becomes unavailable, and with null when it is available again. */
export type OnStorageChange = (reason: Reason | null) => void;

/**
 * Reports the start and the end of an outage of the storage, each once, for all waiting calls together. The outage ends when a call
 * succeeds and no other call waits. It continues if all waiting calls are given up.
 */
export class StorageOutage {
  readonly #parent: StorageOutage | null;
  readonly #onChange: OnStorageChange;
  #waiting = 0;
  #isReported = false;

  /** @param parent the outage of the whole worker, if this object is the outage of one job. Each call of the job counts in both objects. */
  constructor(onChange: OnStorageChange, parent: StorageOutage | null = null) {
    this.#onChange = onChange;
    this.#parent = parent;
  }

  /** Whether a call waits for the storage. */
  get isOn(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Counts a call that begins to wait.
   * @returns a function that ends the wait. Call it with true if the call succeeded, and with false if it was given up
   */
  begin(reason: Reason): (isBack: boolean) => void {
    this.#waiting += 1;
    if (!this.#isReported) {
      this.#isReported = true;
      this.#onChange(reason);
    }
    const endAtParent = this.#parent?.begin(reason);
    return (isBack) => {
      this.#waiting -= 1;
      if (isBack) this.#endReported();
      endAtParent?.(isBack);
    };
  }

  /** Notes a call that succeeded at its first try. This ends an outage if all calls that waited were given up. */
  succeeded(): void {
    this.#endReported();
    this.#parent?.succeeded();
  }

  #endReported(): void {
    if (this.#waiting > 0 || !this.#isReported) return;
    this.#isReported = false;
    this.#onChange(null);
  }
}

export interface StorageWait {
  /** Ends the wait at once. */
  readonly stop: AbortSignal;
  /** Ends the wait. If the first try of a call is running, it may continue for 8 s. Any other try is cancelled at once. */
  readonly pause?: AbortSignal;
  readonly outage: StorageOutage;
}

/**
 * Repeats the call until it succeeds. The call must be safe to repeat.
 * @throws the error of the call, if its cause is not that the storage is unavailable
 * @throws the reason of `stop` or `pause`, if that signal ended the wait
 */
export async function retryStorage<T>(call: (signal: AbortSignal) => Promise<T>, { stop, pause, outage }: StorageWait): Promise<T> {
  let endOutage: ((isBack: boolean) => void) | undefined;
  const pausing = pause ?? new AbortController().signal;
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const late = delayedSignal(pausing, endOutage === undefined ? LAST_CALL_MS : 0);
      const signal = AbortSignal.any([stop, late.signal]);
      try {
        const result = await unlessAborted(call(signal), signal);
        if (endOutage === undefined) outage.succeeded();
        else endOutage(true);
        endOutage = undefined;
        return result;
      } catch (error) {
        signal.throwIfAborted();
        if (!isStorageAway(error)) throw error;
        endOutage ??= outage.begin({ code: error.code, message: error.reason });
        pausing.throwIfAborted();
      } finally {
        late.clear();
      }
      await pauseFor(pauseMs, AbortSignal.any([stop, pausing]));
    }
  } finally {
    endOutage?.(false);
  }
}

/**
 * Repeats the call if the fetched file arrives damaged, for example over a bad connection.
 * @throws ArtifactError `damagedArtifact` if the file arrives damaged five times
 * @throws any other error of the call
 * @throws the reason of `signal`, if it is aborted during a pause
 */
export async function retryIfDamaged<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ArtifactError && error.code === 'damagedArtifact') || tries === DAMAGED_TRIES) throw error;
      await pauseFor(FIRST_PAUSE_MS * 2 ** tries, signal);
    }
  }
}

async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** Returns a signal that is aborted the given time after another signal. */
function delayedSignal(signal: AbortSignal, ms: number): { readonly signal: AbortSignal; readonly clear: () => void } {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    if (ms === 0) late.abort(signal.reason);
    else timer = setTimeout(() => late.abort(signal.reason), ms);
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return {
    signal: late.signal,
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', begin);
    },
  };
}
