// The list of upload formats, and the form fields derived from it. A new format needs a file next to this one, a line here, and a reader
// in src/node/uploads/.
import { z } from 'zod';
import { printable } from '../../validation.ts';
import { cifar } from './cifar.ts';
import { csv } from './csv.ts';
import type { UploadFormatDefinition } from './define.ts';
import { idx } from './idx.ts';
import { images } from './images.ts';
import { npy } from './npy.ts';

const formats = [idx, npy, cifar, csv, images] as const;

export type UploadFormat = (typeof formats)[number]['name'];

export const uploadFormatDefinitions: readonly UploadFormatDefinition<UploadFormat>[] = formats;

const names = formats.map(({ name }) => name);
export const uploadFormats = names as [UploadFormat, ...UploadFormat[]];

const definitions = new Map<UploadFormat, UploadFormatDefinition<UploadFormat>>(formats.map((definition) => [definition.name, definition]));

export function uploadFormat(name: UploadFormat): UploadFormatDefinition<UploadFormat> {
  const found = definitions.get(name);
  if (found === undefined) throw new TypeError(`${name} is no format of uploads`);
  return found;
}

/** Parts that hold a file; each but `file` and `testFile`, of which CIFAR-10 may have several, at most once. */
export const uploadFileParts = ['file', 'testFile', 'inputs', 'targets', 'testInputs', 'testTargets'] as const;
export type UploadFilePart = (typeof uploadFileParts)[number];

/** The parts that hold a text. */
export const uploadOptions = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(200)
    .regex(printable, 'a name has no control characters')
    .optional()
    .describe('The name of the dataset in lists. Default: the name of the file'),
  format: z
    .enum(uploadFormats)
    .optional()
    .describe(
      'The format. Default: recognised. `idx` and `npy` need `inputs` and `targets`, or for `npy` an .npz as `file`; the others need `file`',
    ),
  ...idx.options,
  ...npy.options,
  ...cifar.options,
  ...csv.options,
  ...images.options,
});
export type UploadOptions = z.output<typeof uploadOptions>;

/** The formats that know a form field. */
export const formatsWith = (field: string): readonly UploadFormat[] =>
  formats.filter(({ options }) => Object.hasOwn(options, field)).map(({ name }) => name);
