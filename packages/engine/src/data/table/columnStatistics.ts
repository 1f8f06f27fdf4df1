// Counts the fields of a column by their kinds, in a first pass over the rows. The kind of the column follows from the counts.
import { type Decimal, daysIn, isForeignNumber, isInfinite, isMissing, nameIn, numberIn, truthIn } from './cells.ts';

/** The kinds of columns: numbers, truth values (1 and 0), dates (days since 1970), or text (one-hot). */
export const columnKinds = ['number', 'boolean', 'date', 'category'] as const;
export type ColumnKind = (typeof columnKinds)[number];

/** The maximum number of different numbers of a column that are stored. */
const MOST_VALUES = 21;

/** Returns the kind of one field. */
export function kindOf(field: string, decimal: Decimal): ColumnKind | 'missing' {
  return Number.isNaN(numberIn(field, decimal)) ? kindOfText(field) : 'number';
}

function kindOfText(field: string): ColumnKind | 'missing' {
  if (isMissing(field)) return 'missing';
  if (truthIn(field) !== null) return 'boolean';
  if (daysIn(field) !== null) return 'date';
  return isInfinite(field) || isForeignNumber(field) ? 'number' : 'category';
}

/** After this many numbers and no text, a column is surely numeric. The spellings of its fields are no longer collected. */
const SURELY_NUMBERS = 1_000;

export class ColumnStatistics {
  readonly #decimal: Decimal;
  readonly #mostNames: number;
  readonly counts: Record<ColumnKind | 'missing', number> = { number: 0, boolean: 0, date: 0, category: 0, missing: 0 };
  /** The different texts and how often each occurs. Stops growing when it has one text more than the limit. */
  readonly names = new Map<string, number>();
  /** The different finite numbers, at most {@link MOST_VALUES}. */
  readonly values = new Set<number>();
  /** Whether all numbers are whole. */
  areWhole = true;
  /** Whether the fields are 0, 1, 2, … or 1, 2, 3, … without a gap. */
  countsRows = true;
  /** The number of fields that are text or unreadable numbers, and the first such field. */
  readonly unreadable = { count: 0, first: '' };
  #first = Number.NaN;
  #rows = 0;
  #sum = 0;

  /** @param mostNames the limit of different texts */
  constructor(decimal: Decimal, mostNames: number) {
    this.#decimal = decimal;
    this.#mostNames = mostNames;
  }

  add(field: string): void {
    const value = numberIn(field, this.#decimal);
    const kind = Number.isNaN(value) ? kindOfText(field) : 'number';
    this.counts[kind] += 1;
    if (Number.isNaN(value) && (kind === 'category' || kind === 'number')) this.#addUnreadable(field);
    if (kind === 'number') this.#addNumber(value);
    else this.countsRows = false;
    if (kind === 'boolean') this.#sum += truthIn(field) ?? 0;
    if (kind === 'date') this.#sum += daysIn(field) ?? 0;
    const isSurelyNumber = kind === 'number' && this.counts.number > SURELY_NUMBERS && this.counts.category === 0;
    if (kind !== 'missing' && !isSurelyNumber) this.#addName(field);
    this.#rows += 1;
  }

  #addNumber(value: number): void {
    if (this.values.size < MOST_VALUES && Number.isFinite(value)) this.values.add(value);
    this.areWhole &&= Number.isInteger(value);
    if (this.#rows === 0) this.#first = value;
    this.countsRows &&= value === this.#first + this.#rows && (this.#first === 0 || this.#first === 1);
    this.#sum += value;
  }

  #addUnreadable(field: string): void {
    if (this.unreadable.count === 0) this.unreadable.first = field;
    this.unreadable.count += 1;
  }

  #addName(field: string): void {
    const name = nameIn(field);
    const known = this.names.get(name);
    if (known === undefined && this.hasTooManyNames) return;
    // A new text is copied. Without the copy it would be a part of a large string and would keep that string in memory.
    this.names.set(known === undefined ? Array.from(name).join('') : name, (known ?? 0) + 1);
  }

  get rows(): number {
    return this.#rows;
  }

  /** The number of fields that are not missing. */
  get present(): number {
    return this.#rows - this.counts.missing;
  }

  get hasTooManyNames(): boolean {
    return this.names.size > this.#mostNames;
  }

  /** The mean of the numbers, days or truth values, without missing fields. */
  get mean(): number {
    return this.#sum / this.present;
  }

  /** The text that occurs most often. Of several such texts, it is the alphabetically first one. */
  get mostFrequentName(): string | undefined {
    return [...this.names].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
  }

  /**
   * The kind of the column. It is `boolean` if all fields are truth values (possibly with some 0 and 1), and `number` or `date` if at least
   * half of the fields are numbers or dates. Missing fields are not counted. Otherwise it is `category`. Null for an empty column.
   */
  get kind(): ColumnKind | null {
    const { number, boolean, date, category } = this.counts;
    if (this.present === 0) return null;
    if (boolean > 0 && this.isBinary) return 'boolean';
    if (number >= boolean + date + category) return 'number';
    return date >= number + boolean + category ? 'date' : 'category';
  }

  /** Whether all fields are 0, 1, true or false. */
  get isBinary(): boolean {
    return this.counts.number + this.counts.boolean === this.present && [...this.values].every((value) => value === 0 || value === 1);
  }
}
