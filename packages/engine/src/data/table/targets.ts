// Determines the targets of a table (a class, values or labels) and reads the targets of each row.
import { sharableBytes, type Target } from '../dataset.ts';
import type { UploadReport } from '../uploadReport.ts';
import { type Decimal, isMissing, isNumber, nameIn, numberIn } from './cells.ts';
import { ColumnEncoder, type FieldProblem } from './columnEncoder.ts';
import type { ColumnStatistics } from './columnStatistics.ts';

export type TargetKind = 'class' | 'value' | 'labels';

/** The maximum number of different numbers of a target column that is used as classes. If there are more, the target is a value. */
const MOST_NUMERIC_CLASSES = 20;

/** Returns the kind of the targets. If the form names none, it follows from the columns and is reported with the reason. */
export function kindOfTargets(
  given: TargetKind | undefined,
  names: readonly string[],
  columns: readonly ColumnStatistics[],
  report: UploadReport,
): TargetKind {
  if (given !== undefined) {
    if (given === 'class' && columns.length > 1)
      report.fault({ part: 'targetKind' }, 'targetKind: for several target columns send value or labels, not class');
    return given;
  }
  const [kind, reason] = suggestedKind(names, columns);
  report.choice('targetKind', kind, reason);
  return kind;
}

function suggestedKind(names: readonly string[], columns: readonly ColumnStatistics[]): readonly [TargetKind, string] {
  if (columns.length > 1) {
    return columns.every((column) => column.isBinary)
      ? ['labels', 'Every target column holds only 0 and 1.']
      : ['value', 'Not every target column holds only 0 and 1.'];
  }
  const [column] = columns;
  const name = JSON.stringify(names[0]);
  if (column.kind === 'date') return ['value', `Column ${name} holds dates.`];
  if (column.kind !== 'number') return ['class', `Column ${name} holds texts.`];
  if (!column.areWhole) return ['value', `Column ${name} holds numbers that are not whole.`];
  return column.values.size > MOST_NUMERIC_CLASSES
    ? ['value', `Column ${name} holds more than ${MOST_NUMERIC_CLASSES} different numbers.`]
    : ['class', `Column ${name} holds ${different(column.values.size)}.`];
}

const different = (count: number): string =>
  count === 1 ? 'the same whole number in every row, so there is one class and nothing to learn' : `${count} different whole numbers`;

/** The result of reading the targets of a row. */
export type TargetRead =
  | { readonly ok: true }
  | { readonly ok: false; readonly column: number; readonly isMissing: boolean; readonly problem: FieldProblem };

const read: TargetRead = { ok: true };
const noTarget: FieldProblem = { found: 'has no target value', remedy: ': send missing=drop to leave such rows out' };

/** Collects the targets of rows. */
export interface TargetCollector {
  /** Adds the targets of a row. @param fields one field for each target column */
  add(fields: readonly string[]): TargetRead;
  /** Returns the targets of all added rows. */
  finish(): { readonly target: Target; readonly targets: Int32Array | Float32Array };
}

/** Collects targets that are values, or labels of 0 and 1. */
export class ValueCollector implements TargetCollector {
  readonly #encoders: readonly ColumnEncoder[];
  readonly #values: Float32Array;
  #length = 0;

  constructor(names: readonly string[], kinds: readonly ('number' | 'boolean' | 'date')[], rows: number, decimal: Decimal) {
    this.#encoders = names.map((name, i) => new ColumnEncoder({ name, kind: kinds[i] }, decimal));
    this.#values = new Float32Array(sharableBytes(4 * rows * names.length).buffer);
  }

  add(fields: readonly string[]): TargetRead {
    for (const [column, encoder] of this.#encoders.entries()) {
      const outcome = encoder.write(fields[column], this.#values, this.#length + column);
      if (outcome === 'written') continue;
      if (typeof outcome === 'object') return { ok: false, column, isMissing: false, problem: outcome };
      return { ok: false, column, isMissing: true, problem: noTarget };
    }
    this.#length += fields.length;
    return read;
  }

  finish() {
    return { target: { kind: 'values', shape: [this.#encoders.length] } as const, targets: this.#values.subarray(0, this.#length) };
  }
}

/** Collects targets that are classes. Classes are numbered in the order of their first rows. Each name is stored only once. */
export class ClassCollector implements TargetCollector {
  readonly #numbers = new Map<string, number>();
  readonly #targets: Int32Array;
  readonly #isNumeric: boolean;
  readonly #decimal: Decimal;
  readonly #mostClasses: number;
  readonly #known: readonly string[] | null;
  /** The class names that were changed, by their spelling in the file. At most 20 are stored. */
  readonly #respelled = new Map<string, string>();
  #length = 0;

  /**
   * @param isNumeric whether the classes are numbers. Then 1 and 1.0 are the same class
   * @param known the classes of the training file, for a test file
   */
  constructor(rows: number, options: { isNumeric: boolean; decimal: Decimal; mostClasses: number; known: readonly string[] | null }) {
    this.#targets = new Int32Array(sharableBytes(4 * rows).buffer);
    this.#isNumeric = options.isNumeric;
    this.#decimal = options.decimal;
    this.#mostClasses = options.mostClasses;
    this.#known = options.known;
    for (const [i, name] of options.known?.entries() ?? []) this.#numbers.set(name, i);
  }

  add([field]: readonly string[]): TargetRead {
    // "-" means a missing value, but not if the classes are texts: they may be "+" and "-".
    if (isMissing(field) && (this.#isNumeric || field.trim() !== '-')) {
      return { ok: false, column: 0, isMissing: true, problem: noTarget };
    }
    const name = this.#nameOf(field);
    let number = this.#numbers.get(name);
    if (number === undefined) {
      if (this.#known !== null) {
        const problem = { found: `has class ${JSON.stringify(name)}`, remedy: ', which the training file does not have' };
        return { ok: false, column: 0, isMissing: false, problem };
      }
      if (this.#numbers.size >= this.#mostClasses) {
        const remedy = `, which are more than the limit of ${this.#mostClasses}: send targetKind=value if it is a value`;
        return { ok: false, column: 0, isMissing: false, problem: { found: `is of class ${this.#mostClasses + 1}`, remedy } };
      }
      number = this.#numbers.size;
      this.#numbers.set(name, number);
    }
    this.#targets[this.#length++] = number;
    return read;
  }

  #nameOf(field: string): string {
    const value = this.#isNumeric ? numberIn(field, this.#decimal) : Number.NaN;
    if (!Number.isNaN(value)) return String(value);
    const name = nameIn(field);
    if (name !== field && this.#respelled.size < 20) this.#respelled.set(field, name);
    return name;
  }

  finish() {
    const targets = this.#targets.subarray(0, this.#length);
    if (this.#known !== null) return { target: { kind: 'class', classes: this.#known } as const, targets };
    const classes = sortedNames([...this.#numbers.keys()]);
    const rank = new Map(classes.map((name, i) => [name, i]));
    const ranks = Int32Array.from(this.#numbers.keys(), (name) => rank.get(name) ?? -1);
    for (const [i, number] of targets.entries()) targets[i] = ranks[number];
    return { target: { kind: 'class', classes } as const, targets };
  }

  /** Reports class names that were changed, and class names that differ only in upper and lower case. */
  describe(column: string, report: UploadReport): void {
    if (this.#respelled.size > 0) {
      const [[written, name]] = this.#respelled;
      const reason = `Class names lose surrounding blanks and have composed accents (NFC): ${JSON.stringify(written)} became ${JSON.stringify(name)}.`;
      report.choice('targetColumn', column, reason);
    }
    const byLetters = new Map<string, string>();
    for (const name of this.#numbers.keys()) {
      const other = byLetters.get(name.toLowerCase());
      if (other !== undefined) {
        report.choice(
          'targetColumn',
          column,
          `${JSON.stringify(other)} and ${JSON.stringify(name)} differ only in upper and lower case and are two classes.`,
        );
      }
      byLetters.set(name.toLowerCase(), name);
    }
  }
}

/** Returns the names sorted by value if all are numbers, otherwise alphabetically. */
export function sortedNames(names: readonly string[]): readonly string[] {
  if (names.every((name) => isNumber(name, '.'))) return names.toSorted((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}
