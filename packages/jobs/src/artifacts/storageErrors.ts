// Decides whether an error means that the storage is unavailable. If it does, callers wait for the storage and jobs do not fail. Also has a
// function that stops waiting for an operation that cannot be cancelled.
import { ArtifactError, type ArtifactErrorCode } from '../errors.ts';

/** Codes of errors after which the same request may succeed later. */
const awayCodes: ReadonlySet<string> = new Set<ArtifactErrorCode>(['diskFull', 'storageDenied', 'storageReadOnly', 'storageUnavailable']);

/** Whether an error means that the storage cannot be used now. False for a missing or damaged artifact, and for bugs. */
export function isStorageAway(error: unknown): error is ArtifactError {
  return error instanceof ArtifactError && awayCodes.has(error.code);
}

/** System error codes for a disk that cannot be used now. */
const diskCodes: Readonly<Record<string, ArtifactErrorCode>> = {
  ENOSPC: 'diskFull',
  EDQUOT: 'diskFull',
  EFBIG: 'diskFull',
  EROFS: 'storageReadOnly',
  EACCES: 'storageDenied',
  EPERM: 'storageDenied',
  EIO: 'storageUnavailable',
};

/** The codes above, and the codes for too many open files and for a network file system that does not answer. */
const systemCodes: Readonly<Record<string, ArtifactErrorCode>> = {
  ...diskCodes,
  ESTALE: 'storageUnavailable',
  ENODEV: 'storageUnavailable',
  ENXIO: 'storageUnavailable',
  ENOMEM: 'storageUnavailable',
  EMFILE: 'storageUnavailable',
  ENFILE: 'storageUnavailable',
  EAGAIN: 'storageUnavailable',
  EBUSY: 'storageUnavailable',
  ETIMEDOUT: 'storageUnavailable',
  ENOTCONN: 'storageUnavailable',
  ECONNABORTED: 'storageUnavailable',
  ECONNREFUSED: 'storageUnavailable',
  ECONNRESET: 'storageUnavailable',
  EHOSTDOWN: 'storageUnavailable',
  EHOSTUNREACH: 'storageUnavailable',
  ENETDOWN: 'storageUnavailable',
  ENETUNREACH: 'storageUnavailable',
  EREMOTEIO: 'storageUnavailable',
};

/**
 * Converts the error of a file operation into an error of the storage.
 * @param place the folder, as messages name it: `the artifact folder`
 * @returns null for an error that is not about the storage, such as ENOENT
 */
export function storageErrorOf(error: unknown, artifact: string, place: string): ArtifactError | null {
  if (error instanceof ArtifactError) return error;
  const systemCode = systemCodeOf(error);
  const code = systemCode === undefined ? undefined : systemCodes[systemCode];
  if (systemCode === undefined || code === undefined) return null;
  return new ArtifactError(code, artifact, messageOf(code, systemCode, place), { cause: error });
}

/** Does the same as {@link storageErrorOf}, but only for codes that errors of a connection never have. */
export function diskErrorOf(error: unknown, artifact: string, place: string): ArtifactError | null {
  const code = systemCodeOf(error);
  return code !== undefined && Object.hasOwn(diskCodes, code) ? storageErrorOf(error, artifact, place) : null;
}

/**
 * Runs file operations.
 * @throws ArtifactError if the storage fails
 * @throws any other error of `work` unchanged
 */
export async function inStorage<T>(artifact: string, place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageErrorOf(error, artifact, place) ?? error;
  }
}

/** The system's code of an error, such as ENOSPC; undefined if it has none. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(code: ArtifactErrorCode, systemCode: string, place: string): string {
  switch (code) {
    case 'diskFull':
      return `there is no room left in ${place} (${systemCode}): free some space`;
    case 'storageReadOnly':
      return `${place} is read-only (${systemCode}): mount it writable`;
    case 'storageDenied':
      return `the service may not use ${place} (${systemCode}): give its user the right to read and write there`;
    default:
      return `${place} cannot be used now (${systemCode})`;
  }
}

/** Returns the result of `work`. @throws the signal's reason if the signal is aborted first; `work` may continue */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  // After an abort nobody awaits `work`. Without this handler, its rejection would then end the process.
  work.catch(() => {});
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
