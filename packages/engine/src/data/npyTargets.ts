// Makes the targets of a dataset from an array: one class per sample (a number, a text or a one-hot row), or values.
import { sizeOf } from '../shape.ts';
import { type Dataset, sharableBytes } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { ReaderLimits } from './limits.ts';
import type { NpyArray } from './npy.ts';
import { floatsOf, numberReader, textReader, viewOf, visitValues } from './npyValues.ts';
import { alsoOthers, finiteFloats } from './npyInputs.ts';
import { numberedClasses } from './upload.ts';
import type { UploadReport } from './uploadReport.ts';

export type NpyTargets = Pick<Dataset, 'target' | 'targets'>;

export interface NpyTargetOptions {
  /** Whether the targets are classes or values. If undefined, their type and values decide. */
  readonly targetKind: 'class' | 'value' | undefined;
  readonly limits: ReaderLimits;
  /** Collects decisions. */
  readonly report: UploadReport;
}

/** Returns the targets of a dataset. @throws DataFormatError if labels are not valid classes, or if values are not finite */
export function npyTargets(name: string, array: NpyArray, { targetKind, limits, report }: NpyTargetOptions): NpyTargets {
  const { kind, shape, type } = array;
  const take = (value: string, reason: string): void => {
    if (targetKind === undefined) report.choice('targetKind', value, reason);
  };
  if (kind === 'text' && targetKind === 'value')
    throw new DataFormatError(`${name}: holds text, which has no values: send targetKind=class`);
  const isVector = shape.slice(1).every((length) => length === 1);
  if (targetKind !== 'value' && kind === 'text') {
    if (!isVector) throw new DataFormatError(`${name}: text must be one class per sample: expected the shape [samples]`);
    take('class', `The targets are text: each different text is a class.`);
    return namedClasses(array);
  }
  if (targetKind !== 'value' && isVector && (kind !== 'float' || targetKind === 'class')) {
    take('class', `The targets are whole numbers (${type}): each number is a class.`);
    return numberClasses(name, array, limits, report);
  }
  if (targetKind !== 'value' && shape.length === 2 && !isVector) {
    const labels = oneHotLabels(array);
    if (labels !== null) {
      take('class', `Each row of the targets is one-hot: a single 1 marks one of ${shape[1]} classes.`);
      return { target: { kind: 'class', classes: numberedClasses(checkedCount(name, shape[1], limits)) }, targets: labels };
    }
    if (targetKind === 'class')
      throw new DataFormatError(`${name}: its rows are not one-hot: expected a single 1 in each, or one label per sample`);
  }
  const floats = floatsOf(viewOf(array));
  const hint = floats.whole !== null && isVector ? ' All are whole numbers: send targetKind=class to use them as classes.' : '';
  take('value', `The targets are ${isVector ? 'numbers' : 'rows of numbers'} (${type}).${hint}`);
  return { target: { kind: 'values', shape: shape.length === 1 ? [1] : shape.slice(1) }, targets: finiteFloats(name, array.shape, floats) };
}

/** Makes a class of each different text. The classes are sorted by name. */
function namedClasses(array: NpyArray): NpyTargets {
  const read = textReader(array);
  const labels: string[] = [];
  visitValues(viewOf(array), (_, offset) => labels.push(read(offset)));
  const classes = [...new Set(labels)].toSorted((a, b) => (a < b ? -1 : 1));
  const numbers = new Map(classes.map((label, number) => [label, number]));
  const targets = new Int32Array(sharableBytes(4 * labels.length).buffer);
  for (const [i, label] of labels.entries()) targets[i] = numbers.get(label) ?? -1;
  return { target: { kind: 'class', classes }, targets };
}

function numberClasses(name: string, array: NpyArray, limits: ReaderLimits, report: UploadReport): NpyTargets {
  const targets = new Int32Array(sharableBytes(4 * sizeOf(array.shape)).buffer);
  const read = numberReader(array);
  const used = new Set<number>();
  let wrong: { index: number; label: number | bigint; count: number } | null = null;
  visitValues(viewOf(array), (index, offset) => {
    const label = read(offset);
    const number = Number(label);
    if (!(Number.isInteger(number) && number >= 0 && number < limits.classes)) {
      wrong ??= { index, label, count: 0 };
      wrong.count += 1;
      return;
    }
    targets[index] = number;
    used.add(number);
  });
  if (wrong !== null) throw wrongLabel(name, wrong, limits);
  const count = 1 + Math.max(0, ...used);
  const empty = numberedClasses(count).filter((_, number) => !used.has(number));
  if (empty.length > 0 && !name.startsWith('test')) {
    const listed = `${empty.slice(0, 5).join(', ')}${empty.length > 5 ? ` and ${empty.length - 5} more` : ''}`;
    report.choice(
      name,
      { emptyClasses: empty.length },
      `The labels go up to ${count - 1}, but no sample has the label ${listed}. Classes are counted from 0.`,
    );
  }
  return { target: { kind: 'class', classes: numberedClasses(count) }, targets };
}

function wrongLabel(name: string, wrong: { index: number; label: number | bigint; count: number }, limits: ReaderLimits): DataFormatError {
  const { index, label, count } = wrong;
  const others = alsoOthers(count - 1);
  const remedy = 'Number them with numpy.unique(y, return_inverse=True)[1], or send targetKind=value';
  return new DataFormatError(
    `${name}: the label ${label} of sample ${index} is no class${others}: classes are whole numbers from 0 to ${limits.classes - 1}. ${remedy}`,
    { place: { sample: index } },
  );
}

/** Returns the position of the single 1 in each row, or null if a row is not one-hot. */
function oneHotLabels(array: NpyArray): Int32Array | null {
  const [rows, columns] = array.shape;
  const labels = new Int32Array(sharableBytes(4 * rows).buffer).fill(-1);
  const read = numberReader(array);
  let isOneHot = true;
  visitValues(viewOf(array), (index, offset) => {
    const value = Number(read(offset));
    const row = Math.floor(index / columns);
    if (value === 1 && labels[row] === -1) labels[row] = index % columns;
    else if (value !== 0) isOneHot = false;
  });
  return isOneHot && !labels.includes(-1) ? labels : null;
}

function checkedCount(name: string, count: number, limits: ReaderLimits): number {
  if (count > limits.classes) throw new DataFormatError(`${name}: ${count} classes are over the limit of ${limits.classes}`);
  return count;
}
