// What an error of a disk or of a storage server means: whether the storage is away, which passes, or something else is wrong. A storage
// that is away is waited for; it never says anything about the job or the file.
import { ArtifactError, type ArtifactErrorCode } from '../errors.ts';

/** Codes of a storage that cannot be used now, and may be later without any change to the request. */
const awayCodes: ReadonlySet<string> = new Set<ArtifactErrorCode>(['diskFull', 'storageDenied', 'storageReadOnly', 'storageUnavailable']);

/** Whether the storage could not be used: try again later. False for an artifact that is missing or damaged, and for our own mistakes. */
export function isStorageAway(error: unknown): error is ArtifactError {
  return error instanceof ArtifactError && awayCodes.has(error.code);
}

/** What the operating system says of a disk that takes or gives nothing now. */
const diskCodes: Readonly<Record<string, ArtifactErrorCode>> = {
  ENOSPC: 'diskFull',
  EDQUOT: 'diskFull',
  EFBIG: 'diskFull',
  EROFS: 'storageReadOnly',
  EACCES: 'storageDenied',
  EPERM: 'storageDenied',
  EIO: 'storageUnavailable',
};

/** And of a network file system that does not answer, or a process that may open no more files. */
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
 * The error of a file operation as one of the storage.
 * @param place the folder, as messages name it: `the artifact folder`
 * @returns null for an error that says nothing about the storage, such as ENOENT
 */
export function storageErrorOf(error: unknown, artifact: string, place: string): ArtifactError | null {
  if (error instanceof ArtifactError) return error;
  const systemCode = systemCodeOf(error);
  const code = systemCode === undefined ? undefined : systemCodes[systemCode];
  if (systemCode === undefined || code === undefined) return null;
  return new ArtifactError(code, artifact, messageOf(code, systemCode, place), { cause: error });
}

/** The same for an error that may as well be a connection's: only what a disk alone says. */
export function diskErrorOf(error: unknown, artifact: string, place: string): ArtifactError | null {
  const code = systemCodeOf(error);
  return code !== undefined && Object.hasOwn(diskCodes, code) ? storageErrorOf(error, artifact, place) : null;
}

/** The outcome of file operations, their errors told as those of the storage. @throws ArtifactError, or what else went wrong */
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
      return `${place} does not answer as it should (${systemCode})`;
  }
}
