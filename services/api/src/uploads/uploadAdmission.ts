// How many uploads one process has under way, and the bytes of their files on its disk: together, and of each key. An upload counts from
// its first byte until its files have been read and removed.
import { ProblemError } from '../problems.ts';

export interface UploadBounds {
  /** Uploads at the same time. */
  readonly uploads: number;
  /** Uploads of one key at the same time. */
  readonly uploadsPerKey: number;
  /** Bytes of all files. An upload may always be as large as its own limit if it is the only one. */
  readonly bytes: number;
  /** Bytes of the files of one key. */
  readonly bytesPerKey: number;
}

export const uploadBounds: UploadBounds = { uploads: 64, uploadsPerKey: 8, bytes: 16 * 2 ** 30, bytesPerKey: 4 * 2 ** 30 };

/** An upload that was admitted. */
export interface AdmittedUpload {
  /**
   * Counts bytes of its body as they arrive.
   * @throws ProblemError 429 or 503 when there is no room for them
   */
  count(bytes: number): void;
  /** Its files are gone. Calling it again has no effect. */
  end(): void;
}

interface Load {
  uploads: number;
  bytes: number;
}

/** The rest of the body is not read. */
const headers = { 'retry-after': '30', connection: 'close' };

export class UploadAdmission {
  readonly #bounds: UploadBounds;
  readonly #all: Load = { uploads: 0, bytes: 0 };
  /** Keys without an upload are absent. */
  readonly #keys = new Map<string, Load>();

  constructor(bounds: Partial<UploadBounds> = {}) {
    this.#bounds = { ...uploadBounds, ...bounds };
  }

  /**
   * Admits an upload before its body is read.
   * @param announcedBytes the length of its body, if the client gives one; they count at once
   * @throws ProblemError 429 when the key has its share, 503 when all keys together have everything
   */
  admit(key: string, announcedBytes: number): AdmittedUpload {
    const { uploads, uploadsPerKey } = this.#bounds;
    const own = this.#keys.get(key) ?? { uploads: 0, bytes: 0 };
    if (own.uploads >= uploadsPerKey) {
      throw tooMany(`This key has ${uploadsPerKey} uploads under way, which is the most. Try again when one of them has ended.`);
    }
    if (this.#all.uploads >= uploads) throw unavailable('Too many uploads are under way. Try again shortly.');
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

  /** An upload that is the only one of its key, or of all keys, has room: its own limit bounds it. */
  #checkRoom(own: Load, bytes: number): void {
    const { bytes: mostBytes, bytesPerKey } = this.#bounds;
    if (own.uploads > 1 && own.bytes + bytes > bytesPerKey) {
      throw tooMany(
        `The uploads of this key that are under way may have ${bytesPerKey} bytes together. Try again when one of them has ended.`,
      );
    }
    if (this.#all.uploads > 1 && this.#all.bytes + bytes > mostBytes) {
      throw unavailable('The uploads that are under way take all the room there is for them. Try again shortly.');
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
