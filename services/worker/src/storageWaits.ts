// Calls to the artifact storage that wait for it. A storage that is away (no connection, access denied, disk full) costs a job time and
// nothing else: the call is made again with growing pauses, and who has to know is told once that the storage is away and once that it
// is back. Leases are renewed meanwhile by the worker.
import { setTimeout as delay } from 'node:timers/promises';
import { ArtifactError, isStorageAway, unlessAborted } from '@trainyard/jobs';
import type { Reason } from './runError.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** After a pause is requested, a running storage call gets this long to finish. */
const LAST_CALL_MS = 8_000;

/** How often a file is fetched whose bytes are not those that were stored. */
const DAMAGED_TRIES = 5;

/** Told when the storage goes away, with the reason, and when it is back (null). */
export type OnStorageChange = (reason: Reason | null) => void;

/**
 * Reports an outage of the storage once, however many calls wait for it, and however many of them are given up. It ends with the next call
 * that succeeds while no other call waits.
 */
export class StorageOutage {
  readonly #parent: StorageOutage | null;
  readonly #onChange: OnStorageChange;
  #waiting = 0;
  #isReported = false;

  /** @param parent also counts the calls of this outage: the worker's outage is the parent of each job's */
  constructor(onChange: OnStorageChange, parent: StorageOutage | null = null) {
    this.#onChange = onChange;
    this.#parent = parent;
  }

  /** Whether a call waits for the storage. */
  get isOn(): boolean {
    return this.#waiting > 0;
  }

  /** Counts a call that begins to wait. @returns a function that ends the wait. `isBack`: the call succeeded, and was not given up */
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

  /** Notes a call that succeeded at once. The call that reported the outage may have been given up since then. */
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
  /** Ends the wait before the next try; a call under way may end, if none has failed before. */
  readonly pause?: AbortSignal;
  readonly outage: StorageOutage;
}

/**
 * Makes the call until the storage does it. Safe to repeat calls only.
 * @throws the reason of a signal that ended the wait, and whatever is not a storage that is away
 */
export async function whenStored<T>(call: (signal: AbortSignal) => Promise<T>, { stop, pause, outage }: StorageWait): Promise<T> {
  let endOutage: ((isBack: boolean) => void) | undefined;
  const pausing = pause ?? new AbortController().signal;
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const late = lateAfter(pausing, endOutage === undefined ? LAST_CALL_MS : 0);
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
 * Makes the call again when what it fetched arrived damaged, as on a bad line. @throws the damage, after several tries
 */
export async function unlessDamaged<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
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

/** A signal that is aborted some time after another one. */
function lateAfter(signal: AbortSignal, ms: number): { readonly signal: AbortSignal; readonly clear: () => void } {
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
