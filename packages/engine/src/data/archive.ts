// What zips and tars have in common: files by their paths, read one at a time. The readers of archives are in src/node/archives/.

export interface ArchiveFile {
  /** From the archive's root, with slashes, in Unicode's composed form (NFC): `cats/1.png`. */
  readonly path: string;
  /** Its size, as the archive says. */
  readonly bytes: number;
  /** @throws DataFormatError if the file is damaged or larger than the archive says */
  read(): Promise<Uint8Array>;
}

/** Something that is wrong with a file of an archive, or with all that it names. */
export interface ArchiveFault {
  readonly entry: string;
  readonly message: string;
}

/** The encoding of the names of files. */
export type NameEncoding = 'UTF-8' | 'Shift_JIS' | 'IBM437';

export interface Archive {
  readonly kind: 'zip' | 'tar';
  readonly files: readonly ArchiveFile[];
  /** Paths of folders that have an entry of their own. */
  readonly folders: readonly string[];
  readonly nameEncoding: NameEncoding;
  /** Folders that the archive has twice, in two Unicode forms of the same name. */
  readonly merged: readonly string[];
  /** The reasons why it cannot be used as a dataset. */
  readonly faults: readonly ArchiveFault[];
  close(): void;
}
