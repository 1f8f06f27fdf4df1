// Turns whatever ended a run into what the job's record says: a code, a sentence, the epoch and step. Errors that
// were thrown on purpose speak for themselves; of anything else the record learns no stack and no path.
import type { JobError } from '@trainyard/contracts';
import { EngineError, ThreadLostError } from '@trainyard/engine';

/** A code and a sentence; where in the training it was is said elsewhere, or not known. */
export type Reason = Pick<JobError, 'code' | 'message'>;

const diskFull: Reason = {
  code: 'diskFull',
  message: 'there is no room left on the disk for what the job has to write; free some space on the worker and submit the job again',
};

const systemErrors: Record<string, Reason> = {
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  EFBIG: diskFull,
  EROFS: {
    code: 'storageReadOnly',
    message: "the worker's folder is read-only; mount it writable and submit the job again",
  },
  EACCES: {
    code: 'storageDenied',
    message: 'the worker may not write to its folder; give its user the right to, and submit the job again',
  },
};

/** The heap's and WASM memory's own ways to say that there is no more of it. */
const outOfMemoryMessage = /out of memory|allocation failed|WebAssembly\.Memory|Invalid typed array length|could not allocate/i;

/** What the record says about an exhausted memory, wherever it was noticed. */
export const outOfMemory: Reason = {
  code: 'outOfMemory',
  message: 'the training process ran out of memory; try a smaller batchSize, fewer or narrower layers, or a trainLimit',
};

const threadLost: Reason = {
  code: 'threadLost',
  message:
    'the training process lost one of its threads, as happens when memory runs out; ' +
    'try fewer threads or a smaller batchSize, or give the worker more memory',
};

/** @param error whatever was thrown while training or saving */
export function describeError(error: unknown): { error: JobError; detail: string } {
  const { code, message } = classify(error);
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { error: { code, message, epoch: place(error, 'epoch'), step: place(error, 'step') }, detail };
}

function classify(error: unknown): Reason {
  if (error instanceof ThreadLostError) {
    return threadLost;
  }
  if (error instanceof EngineError) {
    return error;
  }
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const known = systemErrors[error.code];
    if (known !== undefined) {
      return known;
    }
  }
  if (error instanceof RangeError && outOfMemoryMessage.test(error.message)) {
    return outOfMemory;
  }
  return {
    code: 'internal',
    message: "training stopped because of a fault in the service; the worker's log has the details under this job's id",
  };
}

function place(error: unknown, name: 'epoch' | 'step'): number | null {
  const value: unknown = error instanceof EngineError ? Reflect.get(error, name) : null;
  return typeof value === 'number' ? value : null;
}
