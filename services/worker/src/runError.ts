// Turns whatever ended a run into what the job's record says: a code, a sentence, the epoch and step. Errors that
// were thrown on purpose speak for themselves; of anything else the record learns no stack and no path.
import type { JobError } from '@trainyard/contracts';
import { EngineError, ThreadLostError } from '@trainyard/engine';

/** A code and a sentence; where in the training it was is said elsewhere, or not known. */
export type Reason = Pick<JobError, 'code' | 'message'>;

/** What is wrong with the worker's disk, and what to do about it. */
interface DiskFault {
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
}

const diskFull: DiskFault = {
  code: 'diskFull',
  what: 'there is no room left on the disk for what the job has to write',
  remedy: 'free some space on the worker',
};

const diskDenied: DiskFault = {
  code: 'storageDenied',
  what: 'the worker may not write to its folder',
  remedy: 'give its user the right to',
};

const diskFaults: Readonly<Record<string, DiskFault>> = {
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  EFBIG: diskFull,
  EROFS: { code: 'storageReadOnly', what: "the worker's folder is read-only", remedy: 'mount it writable' },
  EACCES: diskDenied,
  EPERM: diskDenied,
  EIO: { code: 'storageUnavailable', what: "the worker's disk fails (EIO)", remedy: 'replace it' },
};

/** What an error says about the worker's disk, as something that may pass; null if nothing. Causes are looked at too. */
export function diskProblemOf(error: unknown): Reason | null {
  const fault = diskFaultOf(error);
  return fault === undefined ? null : { code: fault.code, message: `${fault.what}: ${fault.remedy}` };
}

function diskFaultOf(error: unknown): DiskFault | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && Object.hasOwn(diskFaults, current.code)) return diskFaults[current.code];
  }
  return undefined;
}

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
  const fault = diskFaultOf(error);
  if (fault !== undefined) {
    return { code: fault.code, message: `${fault.what}; ${fault.remedy} and submit the job again` };
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
