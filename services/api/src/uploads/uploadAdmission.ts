// Limits the uploads in progress in this process, and the bytes of their files on the disk, in total and per key. An upload begins to count
// before its body is read, until its files are removed.
import { ProblemError } from '../problems.ts';

export interface UploadBounds {
  /** How many uploads may be in progress. */
  readonly uploads: number;
  /** How many uploads of one key may be in progress. */
  readonly uploadsPerKey: number;
  /** The most bytes of the files of all uploads. If only one upload is in progress, it may be larger, up to the size limit of uploads. */
  readonly bytes: number;
  /** The most bytes of the files of one key. If a key has only one upload in progress, the upload may be larger. */
  readonly bytesPerKey: number;
}

/** An upload that was admitted. */
export interface AdmittedUpload {
  /**
   * Counts bytes of the body as they arrive.
   * @throws ProblemError 429 if the uploads of the key then have too many bytes
   * @throws ProblemError 503 if the uploads of all keys together then have too many bytes
   */
  count(bytes: number): void;
  /** Ends the upload. Call it after its files are removed. Calling it again has no effect. */
  end(): void;
}

interface Load {
  uploads: number;
  bytes: number;
}

/** Closes the connection, because the rest of the body is not read. */
const headers = { 'retry-after': '30', connection: 'close' };

export class UploadAdmission {
  readonly #bounds: UploadBounds;
  readonly #all: Load = { uploads: 0, bytes: 0 };
  /** Keys without an upload are absent. */
  readonly #keys = new Map<string, Load>();

  constructor(bounds: UploadBounds) {
    this.#bounds = bounds;
  }

  /**
   * Admits an upload before its body is read.
   * @param announcedBytes the length of the body, or 0 if the client does not give it; these bytes count at once
   * @throws ProblemError 429 if the key already has too many uploads or bytes in progress
   * @throws ProblemError 503 if all keys together already have too many uploads or bytes in progress
   */
  admit(key: string, announcedBytes: number): AdmittedUpload {
    const { uploads, uploadsPerKey } = this.#bounds;
    const own = this.#keys.get(key) ?? { uploads: 0, bytes: 0 };
    if (own.uploads >= uploadsPerKey) {
      throw tooMany(`This key has ${uploadsPerKey} uploads in progress, which is the limit. Try again when one of them has ended.`);
    }
    if (this.#all.uploads >= uploads) throw unavailable('Too many uploads are in progress. Try again shortly.');
    this.#add(own, { uploads: 1, bytes: 0 });
    this.#keys.set(key, own);
    let [arrived, reserved, isOpen] = [0, 0, true];
    const reserve = (bytes: number): void => {
      this.#checkRoom(own, bytes);
      this.#add(own, { uploads: 0, bytes });
      reserved += bytes;
    };
    const end = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#add(own, { uploads: -1, bytes: -reserved });
      if (own.uploads === 0) this.#keys.delete(key);
    };
    try {
      reserve(announcedBytes);
    } catch (error) {
      end();
      throw error;
    }
    return {
      count: (bytes) => {
        arrived += bytes;
        if (isOpen && arrived > reserved) reserve(arrived - reserved);
      },
      end,
    };
  }

  /** Throws if there is no room. The only upload of a key, or of all keys, always has room, because its own size is limited. */
  #checkRoom(own: Load, bytes: number): void {
    const { bytes: mostBytes, bytesPerKey } = this.#bounds;
    if (own.uploads > 1 && own.bytes + bytes > bytesPerKey) {
      throw tooMany(
        `The uploads of this key that are in progress may have ${bytesPerKey} bytes together. Try again when one of them has ended.`,
      );
    }
    if (this.#all.uploads > 1 && this.#all.bytes + bytes > mostBytes) {
      throw unavailable('The uploads in progress use all the space for uploads. Try again shortly.');
    }
  }

  #add(own: Load, { uploads, bytes }: Load): void {
    for (const load of [own, this.#all]) {
      load.uploads += uploads;
      load.bytes += bytes;
    }
  }
}

const tooMany = (detail: string): ProblemError => new ProblemError('tooManyRequests', detail, { headers });
const unavailable = (detail: string): ProblemError => new ProblemError('unavailable', detail, { headers });
