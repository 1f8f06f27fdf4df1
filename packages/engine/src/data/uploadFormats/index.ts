// The list of upload formats, and the form fields derived from it. A new format needs a file next to this one and a line here.
import { z } from 'zod';
import { displayName } from '../../validation.ts';
import { cifar } from './cifar.ts';
import { csv } from './csv.ts';
import type { UploadFormatDefinition } from './define.ts';
import { idx } from './idx.ts';
import { images } from './images.ts';
import { npy } from './npy.ts';

const formats = [idx, npy, cifar, csv, images] as const;

export type UploadFormat = (typeof formats)[number]['name'];
type AnyFormat = UploadFormatDefinition<UploadFormat>;

export const uploadFormatDefinitions: readonly AnyFormat[] = formats;

/** The formats in the order of suggestions. */
export const suggestedFormats: readonly AnyFormat[] = uploadFormatDefinitions.toSorted((a, b) => a.rank - b.rank);

const names = formats.map(({ name }) => name);
export const uploadFormats = names as [UploadFormat, ...UploadFormat[]];

const definitions = new Map<UploadFormat, AnyFormat>(uploadFormatDefinitions.map((definition) => [definition.name, definition]));

export function uploadFormat(name: UploadFormat): AnyFormat {
  const found = definitions.get(name);
  if (found === undefined) throw new TypeError(`${name} is not an upload format`);
  return found;
}

/** The intersection of all types of a union, which has the fields of each. */
type Intersection<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void ? All : never;

/** The fields of all formats. */
const formatFields = Object.assign({}, ...formats.map(({ options }) => options)) as Intersection<(typeof formats)[number]['options']>;

function formatDescription(): string {
  const pairs = uploadFormatDefinitions.filter(({ pair }) => pair !== null);
  const files = pairs.flatMap(({ name, file }) => (file === null ? [] : [`, or for \`${name}\` ${file.shown} as \`file\``]));
  const listed = pairs.map(({ name }) => `\`${name}\``).join(' and ');
  return `The format. Default: recognised. ${listed} need \`inputs\` and \`targets\`${files.join('')}; the others need \`file\``;
}

/** The form fields that are sent as text. */
export const uploadOptions = z.strictObject({
  name: displayName.optional().describe('The name of the dataset in lists. Default: the name of the file'),
  format: z.enum(uploadFormats).optional().describe(formatDescription()),
  ...formatFields,
});
export type UploadOptions = z.output<typeof uploadOptions>;

/** Returns the formats that have a form field. */
export const formatsWith = (field: string): readonly UploadFormat[] =>
  formats.filter(({ options }) => Object.hasOwn(options, field)).map(({ name }) => name);
