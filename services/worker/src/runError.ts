// Converts the error of a run into the `error` of the job's record: a code, a message, the epoch and the step. Errors of the engine keep
// their message. Unexpected errors get a general one, so that the record contains no stack and no path.
import type { JobError } from '@trainyard/contracts';
import { EngineError, ThreadLostError } from '@trainyard/engine/errors';

/** The code and message of an error, without the epoch and step. */
export type Reason = Pick<JobError, 'code' | 'message'>;

/** A problem of the worker's disk, and what to do about it. */
interface DiskFault {
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
}

const diskFull: DiskFault = {
  code: 'diskFull',
  what: "there is no room left on the worker's disk for the files of the job",
  remedy: 'free some space on the worker',
};

const diskDenied: DiskFault = {
  code: 'storageDenied',
  what: 'the worker has no permission to write to its folder',
  remedy: 'give its user the right to write there',
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

/** Returns the problem of the worker's disk that an error or one of its causes reports; null if there is none. It may be temporary. */
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

/** Matches the messages of V8 and WASM when no more memory can be allocated. */
const outOfMemoryMessage = /out of memory|allocation failed|WebAssembly\.Memory|Invalid typed array length|could not allocate/i;

/** The error of a job whose training process ran out of memory. */
export const outOfMemory: Reason = {
  code: 'outOfMemory',
  message: 'the training process ran out of memory; try a smaller batchSize, fewer or narrower layers, or a trainLimit',
};

const threadLost: Reason = {
  code: 'threadLost',
  message:
    'the training process lost one of its threads, which can happen when memory runs out; ' +
    'try fewer threads or a smaller batchSize, or give the worker more memory',
};

/** Returns the error for the job's record, and a detail for the log. @param error any error of training or saving */
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
    message: "training stopped because of an internal error; the worker's log has the details under this job's id",
  };
}

function place(error: unknown, name: 'epoch' | 'step'): number | null {
  const value: unknown = error instanceof EngineError ? Reflect.get(error, name) : null;
  return typeof value === 'number' ? value : null;
}
