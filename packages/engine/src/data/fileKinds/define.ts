// The definition of a kind of file, and tests of a file's first bytes.
import { looksLikeText } from '../table/encoding.ts';

export type FileGroup = 'archive' | 'packed' | 'image' | 'array' | 'table' | 'weights' | 'document' | 'media';

export interface FileKind {
  /** A stable id, for code that handles this kind in a special way. */
  readonly id: string;
  readonly group: FileGroup;
  /** The name with its article, for messages: "a Parquet file". */
  readonly name: string;
  /** How to turn such a file into a dataset that can be uploaded, for messages. */
  readonly remedy: string;
}

type Test = (head: Uint8Array) => boolean;

export interface TestedKind extends FileKind {
  readonly test: Test;
}

export interface ZipKind extends FileKind {
  /** Matches the path of a file that only zips of this kind contain. */
  readonly holds: RegExp;
}

/** The number of first bytes of a file that {@link TestedKind.test} needs. */
export const KIND_HEAD_BYTES = 4096;

/** Returns a test for the bytes at an offset. If `bytes` is a text, the test expects its ASCII codes. */
export const magic =
  (bytes: string | readonly number[], offset = 0): Test =>
  (head) =>
    typeof bytes === 'string'
      ? Array.from(bytes).every((character, i) => head[offset + i] === character.charCodeAt(0))
      : bytes.every((byte, i) => head[offset + i] === byte);
export const any =
  (...tests: readonly Test[]): Test =>
  (head) =>
    tests.some((test) => test(head));
export const all =
  (...tests: readonly Test[]): Test =>
  (head) =>
    tests.every((test) => test(head));
export const text =
  (pattern: RegExp): Test =>
  (head) =>
    looksLikeText(head) && pattern.test(latin1(head).replace(/^\u00ef\u00bb\u00bf/, ''));
export const riff = (form: string): Test => all(magic('RIFF'), magic(form, 8));
export const brand = (...brands: readonly string[]): Test => all(magic('ftyp', 4), any(...brands.map((name) => magic(name, 8))));
/** Returns a test for a brand in the list of compatible brands of an ISO media file (ISO/IEC 14496-12, 4.3). */
export const compatibleBrand =
  (brandName: string): Test =>
  (head) => {
    const boxBytes = new DataView(head.buffer, head.byteOffset, head.length).getUint32(0);
    for (let at = 16; at + 4 <= Math.min(boxBytes, head.length); at += 4) if (magic(brandName, at)(head)) return true;
    return false;
  };

/** Returns a text with one character per byte. */
export function latin1(head: Uint8Array): string {
  // TextDecoder refuses shared memory, and its latin1 is windows-1252.
  return String.fromCharCode(...head.subarray(0, KIND_HEAD_BYTES));
}

/** Remedies that several kinds share. */
export const remedies = {
  table: 'save it as CSV, in Python pandas.DataFrame.to_csv("data.csv", index=False)',
  spreadsheet: 'export the sheet as CSV',
  arrays: 'save its arrays with numpy.savez("data.npz", x=…, y=…)',
  pickled: 'load it in Python and save its arrays with numpy.savez("data.npz", x=…, y=…)',
  images: 'send images as a zip with one folder per class',
  unpack: 'unpack it, and send the files as a zip or .tar.gz',
  otherImage: 'convert it to PNG or JPEG',
  noDataset: 'convert its content to numbers (CSV, NPY) or images first',
  noWeights: 'it holds a model, not a dataset; weights go to POST /weights as safetensors',
} as const;
