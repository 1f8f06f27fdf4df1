// Makes a dataset from a pair of NumPy arrays.
import { formatShape, sizeOf } from '../shape.ts';
import type { Dataset } from './dataset.ts';
import { bothOf, DataFormatError, inFile } from './errors.ts';
import type { NamedBytes } from './files.ts';
import { checkMemory, limitsOf, type ReaderOptions } from './limits.ts';
import { type NpyArray, parseNpy } from './npy.ts';
import { isPixels, type Layout, npyInputs } from './npyInputs.ts';
import { npyTargets } from './npyTargets.ts';
import { UploadReport } from './uploadReport.ts';

export interface NpyOptions extends ReaderOptions {
  /**
   * The position of the channels in arrays of images. If omitted, arrays whose shape clearly has the channels first are accepted, and other
   * arrays of images are refused.
   */
  readonly layout?: Layout | undefined;
  /** Whether targets are classes or values. If omitted, their type and values decide. */
  readonly targetKind?: 'class' | 'value' | undefined;
  /** Collects decisions. */
  readonly report?: UploadReport;
}

/**
 * Makes a split from a pair of arrays: inputs [samples, …] and targets [samples] or [samples, …]. Inputs of type uint8 are pixels, which
 * are read as x / 255. Pixels of the shape [samples, rows, columns] get one channel. Other inputs are values. Targets are classes if they
 * are whole numbers, text or one-hot rows.
 * @throws DataFormatError if a file is malformed, if the arrays differ in their number of samples, or if a value cannot be used
 */
export function npyDataset(x: NamedBytes, y: NamedBytes, options: NpyOptions = {}): Dataset {
  const [inputs, targets] = bothOf(
    () => inFile(x.name, () => parseNpy(x)),
    () => inFile(y.name, () => parseNpy(y)),
  );
  return arraysDataset({ name: x.name, array: inputs }, { name: y.name, array: targets }, options);
}

export interface NamedArray {
  readonly name: string;
  readonly array: NpyArray;
}

/** Does the same as {@link npyDataset} for arrays that are already read, from files of any format. */
export function arraysDataset(x: NamedArray, y: NamedArray, options: NpyOptions): Dataset {
  const { layout, targetKind, report = new UploadReport() } = options;
  const limits = limitsOf(options);
  const [inputs, targets] = [x.array, y.array];
  const length = checkPair(x.name, inputs, y.name, targets);
  const bytes = sizeOf(inputs.shape) * (isPixels(inputs) ? 1 : 4) + sizeOf(targets.shape) * 4;
  checkMemory(x.name, length, inputs.shape.slice(1), bytes, limits);
  const [read, learned] = bothOf(
    () => inFile(x.name, () => npyInputs(x.name, inputs, layout, report)),
    () => inFile(y.name, () => npyTargets(y.name, targets, { targetKind, limits, report })),
  );
  return { length, ...read, ...learned };
}

function checkPair(xName: string, x: NpyArray, yName: string, y: NpyArray): number {
  for (const [name, { shape }] of [
    [xName, x],
    [yName, y],
  ] as const) {
    if (shape.length === 0 || sizeOf(shape) === 0) {
      const message = `${name}: expected an array [samples, …] that is not empty, got the shape ${formatShape(shape)}`;
      inFile(name, () => {
        throw new DataFormatError(message);
      });
    }
  }
  if (x.shape.length === 1 && y.shape.length > 2) {
    throw new DataFormatError(`${xName} has the shape ${formatShape(x.shape)}, ${yName} ${formatShape(y.shape)}: are they exchanged?`);
  }
  if (x.shape[0] !== y.shape[0]) throw new DataFormatError(`${xName} has ${x.shape[0]} samples, but ${yName} has ${y.shape[0]}`);
  return x.shape[0];
}
