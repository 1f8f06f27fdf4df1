// The interface through which the engine reads the files of a dataset. An adapter finds, downloads and unpacks them
// (src/node/datasetFiles.ts).

/** The progress of loading a dataset. */
export interface LoadProgress {
  /** The name of the file that is being loaded. */
  readonly file: string;
  readonly bytesDone: number;
  /** The size of this file in bytes. */
  readonly bytesTotal: number;
}

/** A file on its publisher's website. */
export interface RemoteFile {
  /** The published name, with `.gz` if the file is gzipped. */
  readonly name: string;
  /** The URL of the file. */
  readonly url: string;
  /** The checksum of the published file, in hexadecimal. */
  readonly checksum: `md5:${string}` | `sha256:${string}`;
  /** The size of the published file. */
  readonly bytes: number;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** A file in memory, unpacked. */
export interface NamedBytes {
  /** The file's name in messages, such as cifar10/data_batch_1.bin. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Digests of files. Two files with the same digest have the same content. A file is not read again for each request. */
export interface FileDigests {
  /**
   * Returns the digest of a stored file, which is not unpacked: `sha256:…`, or the publisher's checksum if the stored file has this
   * checksum. If a published file has not been downloaded yet, returns the publisher's checksum.
   * @param file a name, as for {@link DatasetFiles.find}, or a published file, as for {@link DatasetFiles.read}
   * @returns null if the file does not exist
   */
  digest(folder: string, file: string | RemoteFile): Promise<string | null>;
}

export interface DatasetFiles {
  /**
   * Returns the content of a file on this machine, unpacked, or null if there is no such file. Downloads nothing and compares no checksum.
   * @param folder the name of the dataset's folder, such as 'cifar10'
   * @param name the file's name without `.gz`. A gzipped file is found too
   * @throws DatasetUnavailableError if the file cannot be read
   * @throws DataFormatError if the file cannot be unpacked
   * @throws `signal.reason` if aborted
   */
  find(folder: string, name: string, options?: ReadOptions): Promise<Uint8Array | null>;

  /**
   * Returns the content of a published file, unpacked. Downloads the file if it is not on this machine.
   * @param folder the name of the dataset's folder, such as 'mnist'
   * @throws DatasetUnavailableError if the file is missing and cannot be downloaded
   * @throws DatasetChecksumError if the checksum of the downloaded file differs from `file.checksum`
   * @throws DataFormatError if the file cannot be unpacked
   * @throws `signal.reason` if aborted
   */
  read(folder: string, file: RemoteFile, options?: ReadOptions): Promise<Uint8Array>;
}
