// The interface through which a format reads the files of an upload, by the parts of the form. It does not depend on where the files are
// stored.
import type { Archive } from '../archive.ts';
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';

/** The parts of the form that contain files. The format decides which parts may have several files. */
export const uploadFileParts = ['file', 'testFile', 'inputs', 'targets', 'testInputs', 'testTargets'] as const;
export type UploadFilePart = (typeof uploadFileParts)[number];

export interface UploadedFile {
  readonly part: UploadFilePart;
  readonly path: string;
}

/** The names of the parts of one half of a dataset. */
export interface PartNames {
  readonly file: UploadFilePart;
  readonly inputs: UploadFilePart;
  readonly targets: UploadFilePart;
}

export const trainParts: PartNames = { file: 'file', inputs: 'inputs', targets: 'targets' };
export const testParts: PartNames = { file: 'testFile', inputs: 'testInputs', targets: 'testTargets' };

export interface UploadedParts {
  of(part: UploadFilePart): readonly UploadedFile[];
  /** Returns the first bytes of a file, unpacked if it is gzipped. @throws DataFormatError if it cannot be unpacked */
  head(file: UploadedFile): Promise<Uint8Array>;
  /**
   * Opens a zip or a tar. Later calls for the same file return the same archive.
   * @throws DataFormatError if the archive is damaged or over a limit
   */
  archive(file: UploadedFile): Promise<Archive>;
  /** Returns a whole file, unpacked if it is gzipped, and reports its bytes as read. The file's name in messages is its part. */
  read(file: UploadedFile): Promise<NamedBytes>;
  /** Does the same as {@link read}, but does not report the bytes as read: the caller reports them. */
  unpack(file: UploadedFile): Promise<NamedBytes & { readonly storedBytes: number }>;
}

/** Returns the only file of a part, or null without a file. @throws DataFormatError if there are several */
export function oneFile(upload: UploadedParts, part: UploadFilePart, format: string): UploadedFile | null {
  const files = upload.of(part);
  if (files.length > 1) throw new DataFormatError(`${part}: ${format} data is one file, got ${files.length}`);
  return files[0] ?? null;
}

/** Returns the inputs and the targets of one half, or null if neither was sent. @throws DataFormatError unless each is exactly one file */
export async function pairOf(upload: UploadedParts, names: PartNames): Promise<readonly [NamedBytes, NamedBytes] | null> {
  const [inputs, targets] = [upload.of(names.inputs), upload.of(names.targets)];
  if (inputs.length === 0 && targets.length === 0) return null;
  if (inputs.length !== 1 || targets.length !== 1) {
    throw new DataFormatError(`${names.inputs} and ${names.targets} are a pair, got ${inputs.length} and ${targets.length} files`, {
      place: { part: inputs.length === 1 ? names.targets : names.inputs },
    });
  }
  return [await upload.read(inputs[0]), await upload.read(targets[0])];
}
