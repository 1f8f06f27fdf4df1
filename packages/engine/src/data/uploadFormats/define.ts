// The type of an upload format's definition: its form parts and form fields, how its files are recognised, and its reader. Each format has
// one file. The form, the recognition of files and the API's texts are derived from the list in index.ts.
import type { z } from 'zod';
import type { Filled } from '../../registry.ts';
import type { Dataset } from '../dataset.ts';
import type { ImageOpener } from '../images/image.ts';
import type { ImagePreparation } from '../images/preparation.ts';
import type { ReaderOptions } from '../limits.ts';
import type { TablePreparation } from '../table/preparation.ts';
import type { FindEncoding } from '../table/tableText.ts';
import type { UploadReport } from '../uploadReport.ts';
import { type PartNames, testParts, trainParts, type UploadedParts } from './parts.ts';

export interface UploadReaderOptions extends ReaderOptions {
  /** Needed for images only. */
  readonly openImage?: ImageOpener;
}

/** The arguments of a reader in addition to the files. */
export interface UploadContext<Options = unknown> {
  /** The values of the format's form fields. */
  readonly options: Options;
  readonly reader: UploadReaderOptions;
  /** Collects decisions and faults. */
  readonly report: UploadReport;
  /** Finds the encoding of text that is neither UTF-8 nor UTF-16. */
  readonly findEncoding: FindEncoding;
}

/** The halves of a dataset. A half is null if it was not sent, and undefined if it has faults. */
export interface ReadHalves {
  readonly train: Dataset | null | undefined;
  readonly test: Dataset | null | undefined;
  /** How a table was prepared. */
  readonly table?: TablePreparation;
  readonly images?: PreparedImages;
}

/** How images were prepared. */
export interface PreparedImages {
  readonly preparation: ImagePreparation;
  /** The number of ignored files and folders: hidden files, files of operating systems, empty folders. */
  readonly skipped: number;
}

/** Texts about the files that a format reads as the part `file`. */
export interface FileTexts {
  /** With its article, such as `a CSV`, for error messages. */
  readonly shown: string;
  /** For the description of the part. */
  readonly description: string;
}

/** How the files of a format are recognised. A kind is the id of a kind of files (../fileKinds/). */
export interface Detection {
  /** Kinds that the format reads as the part `file`. */
  readonly fileKinds?: readonly string[];
  /** Kinds that the format reads as the parts `inputs` and `targets`. */
  readonly pairKinds?: readonly string[];
  /** Matches the path of a file in an archive of this format. A match takes precedence over the kind of the archive. */
  readonly archivePath?: RegExp;
  /** For a format whose files have no signature: `test` decides from the content. `read` returns the whole file. */
  readonly content?: {
    /** With its article, for error messages. */
    readonly shown: string;
    test(head: Uint8Array, read: () => Promise<Uint8Array>): Promise<boolean>;
  };
  /** Only for the format that reads every text that no other format recognises. Exactly one format has this field. */
  readonly text?: {
    /** The advice for text that was sent as half of a pair. */
    readonly remedy: string;
    /** Returns whether a file that does not look like text is damaged text. */
    isDamaged(head: Uint8Array): boolean;
  };
}

export interface UploadFormatDefinition<Name extends string = string, Options extends z.ZodRawShape = z.ZodRawShape> {
  /** The value of the form field `format`. */
  readonly name: Name;
  /** Completes "Uploaded as …". */
  readonly title: string;
  /** The position of the format in suggestions: 1 is the most usual format. */
  readonly rank: number;
  /** The files that are sent as the part `file`, or null if the format has none. */
  readonly file: FileTexts | null;
  /** The arrays that are sent as the parts `inputs` and `targets`, or null if the format has none. */
  readonly pair: string | null;
  /** Form fields of this format. Formats that share a field share its schema. */
  readonly options: Options;
  readonly detection: Detection;
  /** Reads both halves. Faults go to the report. */
  read(upload: UploadedParts, context: UploadContext<Filled<Options>>): Promise<ReadHalves>;
}

export const defineUploadFormat = <const Name extends string, Options extends z.ZodRawShape>(
  definition: UploadFormatDefinition<Name, Options>,
): UploadFormatDefinition<Name, Options> => definition;

/** Reads each half separately, so that faults of both halves are found. */
export async function readHalves(
  { report }: Pick<UploadContext, 'report'>,
  read: (names: PartNames) => Promise<Dataset | null>,
  placeOf: (names: PartNames) => string,
): Promise<ReadHalves> {
  const train = await report.attempt({ part: placeOf(trainParts) }, async () => await read(trainParts));
  const test = await report.attempt({ part: placeOf(testParts) }, async () => await read(testParts));
  return { train, test };
}
