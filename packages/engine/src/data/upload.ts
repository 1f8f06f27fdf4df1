// What a user says of the files of a dataset that they bring, and how its two parts come together. Which file is which is said
// by the name of its part; the formats themselves are read elsewhere, the files by the adapter (src/node/uploadFiles.ts).
import { z } from 'zod';
import { formatShape, type Shape, sameShape, sizeOf } from '../shape.ts';
import { printable } from '../validation.ts';
import type { Dataset, Splits } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { ReaderLimits } from './limits.ts';

export const uploadFormats = ['idx', 'npy', 'cifar', 'csv', 'images'] as const;
export type UploadFormat = (typeof uploadFormats)[number];

/** Parts that hold a file; each but `file` and `testFile`, of which CIFAR-10 may have several, at most once. */
export const uploadFileParts = ['file', 'testFile', 'inputs', 'targets', 'testInputs', 'testTargets'] as const;
export type UploadFilePart = (typeof uploadFileParts)[number];

/** Whatever a form says is text: a shape is one as JSON, which knows fewer blanks than `\s` does. */
const shapeText = z
  .string()
  .regex(/^\[[ \t\r\n]*[1-9]\d{0,8}([ \t\r\n]*,[ \t\r\n]*[1-9]\d{0,8}){0,7}[ \t\r\n]*\]$/, 'must be a shape such as [1,28,28]')
  .transform((text): Shape => JSON.parse(text) as number[]);

/** The parts that hold a text. */
export const uploadOptions = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(200)
    .regex(printable, 'a name has no control characters')
    .optional()
    .describe('Shown in lists; else the file’s name'),
  format: z
    .enum(uploadFormats)
    .optional()
    .describe('Recognised if left out: `idx` and `npy` are pairs `inputs` and `targets`; `cifar`, `csv` and `images` (a zip) a `file`'),
  targetColumn: z.string().min(1).max(1000).optional().describe('Of a CSV: the column to learn; the last if left out'),
  targetKind: z.enum(['class', 'value']).optional().describe('Of a CSV: whether that column names classes, or holds numbers to learn'),
  inputShape: shapeText.optional().describe("Of a CSV: what a row's other columns are, such as `[1,28,28]`; a plain list if left out"),
});
export type UploadOptions = z.output<typeof uploadOptions>;

/** Longer than any class is called. */
const CLASS_NAME_CHARACTERS = 200;

/** Gives each sample of a table this shape. @throws DataFormatError when its columns do not fill it. */
export function reshaped(name: string, dataset: Dataset, inputShape: Shape | undefined): Dataset {
  if (inputShape === undefined) return dataset;
  if (sizeOf(inputShape) === sizeOf(dataset.inputShape)) return { ...dataset, inputShape };
  throw new DataFormatError(
    `${name}: its ${sizeOf(dataset.inputShape)} columns beside the one to learn do not fill the shape ${formatShape(inputShape)}`,
  );
}

/**
 * Brings the parts of a dataset together; the classes are the training part's.
 * @throws DataFormatError when the test part has other shapes, types or a class that the training part has not, or for what is
 *   over a limit.
 */
export function joined(train: Dataset, test: Dataset | null, limits: Pick<ReaderLimits, 'classes' | 'bytes' | 'pixels'>): Splits {
  const bytes = [train, test].reduce((sum, part) => sum + (part === null ? 0 : part.inputs.byteLength + part.targets.byteLength), 0);
  if (bytes > limits.bytes) throw new DataFormatError(`the dataset takes ${bytes} bytes, which is over the limit of ${limits.bytes}`);
  if (sizeOf(train.inputShape) > limits.pixels) {
    throw new DataFormatError(`one sample of shape ${formatShape(train.inputShape)} is over the limit of ${limits.pixels} values`);
  }
  checkClasses(train, limits);
  if (test === null) return { train, test };
  if (!sameShape(test.inputShape, train.inputShape)) {
    throw new DataFormatError(
      `the test part's samples have shape ${formatShape(test.inputShape)}, the training part's ${formatShape(train.inputShape)}`,
    );
  }
  if (test.inputs instanceof Uint8Array !== train.inputs instanceof Uint8Array) {
    throw new DataFormatError('one part holds pixels as bytes and the other values: save both as the same type');
  }
  return { train, test: withTargetsOf(train, test) };
}

function checkClasses({ target }: Dataset, limits: Pick<ReaderLimits, 'classes'>): void {
  if (target.kind !== 'class') return;
  if (target.classes.length > limits.classes) {
    throw new DataFormatError(`${target.classes.length} classes are over the limit of ${limits.classes}`);
  }
  const long = target.classes.find((name) => name.length > CLASS_NAME_CHARACTERS);
  if (long !== undefined) {
    throw new DataFormatError(
      `the class ${JSON.stringify(long.slice(0, 40))}… has a name of more than ${CLASS_NAME_CHARACTERS} characters`,
    );
  }
}

/** The test part with the numbers that its classes have in the training part. */
function withTargetsOf({ target }: Dataset, test: Dataset): Dataset {
  if (target.kind === 'class' && test.target.kind === 'class') {
    const numbers = new Map(target.classes.map((name, number) => [name, number]));
    const own = test.target.classes.map((name) => numbers.get(name) ?? -1);
    // Numbered classes may have gaps: only one that a sample has counts.
    const foreign = test.targets.findIndex((label: number) => own[label] === -1);
    if (foreign === -1) return { ...test, target, targets: test.targets.map((label: number) => own[label]) };
    const name = test.target.classes[test.targets[foreign]];
    throw new DataFormatError(
      `sample ${foreign} of the test part is of class ${JSON.stringify(name)}, which the training part does not have`,
    );
  }
  if (target.kind === 'values' && test.target.kind === 'values' && sameShape(target.shape, test.target.shape)) return test;
  throw new DataFormatError("the test part's targets are not of the training part's kind and shape");
}
