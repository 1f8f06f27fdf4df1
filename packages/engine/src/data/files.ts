// How the engine's core asks for the files of a dataset. Where they lie, how they are fetched and unpacked is an
// adapter's business (src/node/datasetFiles.ts).

/** How far the loading of a dataset is. */
export interface LoadProgress {
  /** What is being loaded: a file's name. */
  readonly file: string;
  readonly bytesDone: number;
  /** Of this file. */
  readonly bytesTotal: number;
}

/** One file as its publisher offers it. */
export interface RemoteFile {
  /** Its original name, with `.gz` where it is published compressed. */
  readonly name: string;
  /** Its public source. */
  readonly url: string;
  /** Of the file as published, in hexadecimal. */
  readonly checksum: `md5:${string}` | `sha256:${string}`;
  /** Size as published. */
  readonly bytes: number;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** A file in memory, unpacked. */
export interface NamedBytes {
  /** For messages: cifar10/data_batch_1.bin */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Tells whether a file is the same as at another time or place, without reading it each time. */
export interface FileDigests {
  /**
   * Of the file that {@link DatasetFiles.find} or, of a published one, {@link DatasetFiles.read} gives, as it lies there, packed or
   * not: `sha256:…`, or the publisher's checksum where that is its own. One that would be fetched has that too; null for one that is nowhere.
   */
  digest(folder: string, file: string | RemoteFile): Promise<string | null>;
}

export interface DatasetFiles {
  /**
   * The content of a file that is there already, unpacked; null if it is nowhere. Nothing is fetched and no checksum
   * checked.
   * @param folder the dataset's folder: 'cifar10'
   * @param name without `.gz`; a gzipped file is found too
   * @throws DatasetUnavailableError when it cannot be read, DataFormatError when it cannot be unpacked, `signal.reason`
   *   when aborted.
   */
  find(folder: string, name: string, options?: ReadOptions): Promise<Uint8Array | null>;

  /**
   * The file's content, unpacked.
   * @param folder the dataset's folder: 'mnist'
   * @throws DatasetUnavailableError when it is nowhere and cannot be fetched, DatasetChecksumError when what was fetched is
   *   something else, DataFormatError when it cannot be unpacked, `signal.reason` when aborted.
   */
  read(folder: string, file: RemoteFile, options?: ReadOptions): Promise<Uint8Array>;
}
