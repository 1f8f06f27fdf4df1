// The definition of an upload format: its name, the parts of the form with its files, and its form fields. The readers are in
// src/node/uploads/.
import type { z } from 'zod';

/** How files are sent: as the part `file`, as several parts `file`, as the pair `inputs` and `targets`, or as either. */
export type UploadParts = 'file' | 'files' | 'pair' | 'pairOrFile';

export interface UploadFormatDefinition<Name extends string = string, Options extends z.ZodRawShape = z.ZodRawShape> {
  /** The value of the form field `format`. */
  readonly name: Name;
  /** Completes "Uploaded as …". */
  readonly title: string;
  readonly parts: UploadParts;
  /** Form fields of this format. Formats that share a field share its schema. */
  readonly options: Options;
}

export const defineUploadFormat = <const Name extends string, Options extends z.ZodRawShape>(
  definition: UploadFormatDefinition<Name, Options>,
): UploadFormatDefinition<Name, Options> => definition;
