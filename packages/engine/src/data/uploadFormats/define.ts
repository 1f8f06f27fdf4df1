// What a format of uploads is: its name, which parts of the form hold its files, and the form fields that are its own. How it is read
// is src/node/uploads/'s.
import type { z } from 'zod';

/** How files are sent: as the part `file`, as several parts `file`, as the pair `inputs` and `targets`, or as either. */
export type UploadParts = 'file' | 'files' | 'pair' | 'pairOrFile';

export interface UploadFormatDefinition<Name extends string = string, Options extends z.ZodRawShape = z.ZodRawShape> {
  /** What `format` in the form says. */
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
