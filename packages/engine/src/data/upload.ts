// Joins the training and the test part of an uploaded dataset. The formats are read in uploadFormats/, and the files in
// src/node/uploadFiles.ts.
import { formatShape, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Dataset, Splits } from './dataset.ts';
import { bothOf, DataFormatError, inFile } from './errors.ts';
import type { ReaderLimits } from './limits.ts';

/** The maximum number of characters of a class name. It is longer than any usual name. */
const CLASS_NAME_CHARACTERS = 200;

/** Returns the names of classes that are numbered from 0, as in NumPy's and MNIST's files. */
export const numberedClasses = (count: number): string[] => Array.from({ length: count }, (_, number) => String(number));

/** Gives each sample of a table this shape. @throws DataFormatError if the columns do not fill the shape. */
export function reshaped(name: string, dataset: Dataset, inputShape: Shape | undefined): Dataset {
  if (inputShape === undefined) return dataset;
  if (sizeOf(inputShape) === sizeOf(dataset.inputShape)) return { ...dataset, inputShape };
  throw new DataFormatError(`${name}: its ${sizeOf(dataset.inputShape)} input columns do not fill the shape ${formatShape(inputShape)}`);
}

/** The form parts with the inputs and the targets of the training or the test half. They are the same part if one file has both. */
export interface HalfParts {
  readonly inputs: string;
  readonly targets: string;
}

/**
 * Joins the two parts of a dataset. The classes are the classes of the training part.
 * @param parts the form parts from which each half was read
 * @throws DataFormatError if the test part has a shape, a type or a class that the training part does not have, or if the dataset is over a
 *   limit
 */
export function joined(
  train: Dataset,
  test: Dataset | null,
  limits: Pick<ReaderLimits, 'classes' | 'bytes' | 'sampleValues'>,
  parts: { readonly train: HalfParts; readonly test: HalfParts },
): Splits {
  inFile(parts.train.inputs, () => checkSize(train, test, limits));
  inFile(parts.train.targets, () => checkClasses(train, limits));
  if (test === null) return { train, test };
  const [, joinedTest] = bothOf(
    () => inFile(parts.test.inputs, () => checkTestInputs(train, test)),
    () => inFile(parts.test.targets, () => withTargetsOf(train, test)),
  );
  return { train, test: joinedTest };
}

function checkSize(train: Dataset, test: Dataset | null, limits: Pick<ReaderLimits, 'bytes' | 'sampleValues'>): void {
  const bytes = [train, test].reduce((sum, part) => sum + (part === null ? 0 : part.inputs.byteLength + part.targets.byteLength), 0);
  if (bytes > limits.bytes) throw new DataFormatError(`the dataset takes ${bytes} bytes, which is over the limit of ${limits.bytes}`);
  if (sizeOf(train.inputShape) > limits.sampleValues) {
    throw new DataFormatError(`one sample of shape ${formatShape(train.inputShape)} is over the limit of ${limits.sampleValues} values`);
  }
}

function checkTestInputs(train: Dataset, test: Dataset): void {
  if (!sameShape(test.inputShape, train.inputShape)) {
    throw new DataFormatError(
      `the test part's samples have shape ${formatShape(test.inputShape)}, the training part's ${formatShape(train.inputShape)}`,
    );
  }
  if (test.inputs instanceof Uint8Array !== train.inputs instanceof Uint8Array) {
    throw new DataFormatError('one part has pixels (bytes) and the other part has values: save both as the same type');
  }
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

/** Returns the test part with class numbers of the training part. */
function withTargetsOf({ target }: Dataset, test: Dataset): Dataset {
  if (target.kind === 'class' && test.target.kind === 'class') {
    const numbers = new Map(target.classes.map((name, number) => [name, number]));
    const own = test.target.classes.map((name) => numbers.get(name) ?? -1);
    // Numbered classes may have gaps, so only classes of samples are compared.
    const foreign = test.targets.findIndex((label: number) => own[label] === -1);
    if (foreign === -1) return { ...test, target, targets: test.targets.map((label: number) => own[label]) };
    const name = test.target.classes[test.targets[foreign]];
    throw new DataFormatError(
      `sample ${foreign} of the test part has the class ${JSON.stringify(name)}, which the training part does not have`,
      { place: { sample: foreign } },
    );
  }
  if (target.kind === 'values' && test.target.kind === 'values' && sameShape(target.shape, test.target.shape)) return test;
  throw new DataFormatError("the test part's targets have another kind or shape than the training part's targets");
}
