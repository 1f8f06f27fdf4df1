// The common interface of zips and tars: a list of files, each of which can be read alone. The readers of archives are in
// src/node/archives/.

export interface ArchiveFile {
  /** The path from the archive's root, with slashes, in Unicode's composed form (NFC): `cats/1.png`. */
  readonly path: string;
  /** The file's size that the archive states. */
  readonly bytes: number;
  /** @throws DataFormatError if the file is damaged or larger than the stated size */
  read(): Promise<Uint8Array>;
}

/** A reason to refuse an archive: a fault of one entry, or of the whole archive. */
export interface ArchiveFault {
  readonly entry: string;
  readonly message: string;
}

/** The encoding of the file names. */
export type NameEncoding = 'UTF-8' | 'Shift_JIS' | 'IBM437';

export interface Archive {
  readonly kind: 'zip' | 'tar';
  /** The size of the uploaded file. The caller reports these bytes as read. */
  readonly storedBytes: number;
  readonly files: readonly ArchiveFile[];
  /** Paths of folders that have an entry of their own. */
  readonly folders: readonly string[];
  readonly nameEncoding: NameEncoding;
  /** Folders that the archive contains under two Unicode forms of the same name. */
  readonly merged: readonly string[];
  /** The reasons why the archive cannot be used as a dataset. */
  readonly faults: readonly ArchiveFault[];
  close(): void;
}
