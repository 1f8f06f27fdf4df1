// Tables as comma-separated values (RFC 4180, UTF-8, with a line of column names): every column but one is a number of the
// input, that one the class or the value to learn. Read piece by piece, so that a file may be larger than a string can be.
import { type Dataset, sharableBytes } from './dataset.ts';
import { DataFormatError } from './errors.ts';
import type { NamedBytes } from './files.ts';
import { Breather, checkMemory, limitsOf, type ReaderLimits, type ReaderOptions } from './limits.ts';

export interface CsvOptions extends ReaderOptions {
  /** The column to learn; default the last. */
  readonly target?: string;
  /** Whether it holds classes, by name, or a number; default classes. */
  readonly kind?: 'class' | 'value';
}

const PIECE_BYTES = 65_536;
/** Longer than any number or name: what is longer is no table. */
const FIELD_CHARACTERS = 1_000;
const COLUMNS = 100_000;

/**
 * A split from a table: inputs [columns], and a class or one value a row.
 * @throws DataFormatError that names the row (the names' is row 1) and the column, `signal.reason` when aborted.
 */
export async function csvDataset(file: NamedBytes, options: CsvOptions = {}): Promise<Dataset> {
  const table = new Table(file.name, options);
  const breather = new Breather(options);
  for await (const row of rows(file, breather)) table.add(row);
  return table.dataset();
}

/** Collects the rows of a table. */
class Table {
  readonly #name: string;
  readonly #options: CsvOptions;
  readonly #limits: ReaderLimits;
  #columns: readonly string[] | null = null;
  #target = -1;
  #row = 0;
  readonly #values = new GrowingFloats();
  /** Classes by name, numbered as they come: a class's name is kept once, however many rows have it. */
  readonly #classes = new Map<string, number>();
  /** Values, or numbers of classes. */
  readonly #targets = new GrowingFloats();

  constructor(name: string, options: CsvOptions) {
    this.#name = name;
    this.#options = options;
    this.#limits = limitsOf(options);
  }

  add(fields: readonly string[]): void {
    this.#row += 1;
    if (this.#columns === null) {
      this.#columns = this.#head(fields);
      return;
    }
    if (fields.length !== this.#columns.length) {
      throw this.#error(`has ${fields.length} fields, but there are ${this.#columns.length} columns`);
    }
    for (const [column, field] of fields.entries()) {
      if (column !== this.#target) this.#values.push(this.#number(field, column));
      else if (this.#options.kind === 'value') this.#targets.push(this.#number(field, column));
      else this.#targets.push(this.#classOf(this.#label(field, column)));
    }
    const bytes = 4 * (this.#values.length + this.#targets.length);
    checkMemory(this.#name, this.#row - 1, [this.#columns.length - 1], bytes, this.#limits);
  }

  #head(names: readonly string[]): readonly string[] {
    const seen = new Set<string>();
    const repeated = names.find((name) => seen.size === seen.add(name).size);
    if (repeated !== undefined) throw this.#error(`names two columns ${JSON.stringify(repeated)}`);
    if (names.length < 2) throw this.#error('names one column: expected numbers and a column to learn, separated by commas');
    if (names.every((name) => isNumber(name))) throw this.#error('holds numbers: expected the names of the columns');
    const { target } = this.#options;
    this.#target = target === undefined ? names.length - 1 : names.indexOf(target);
    if (this.#target === -1) throw this.#error(`has no column ${JSON.stringify(target)}: it has ${names.slice(0, 20).join(', ')}`);
    return names;
  }

  #number(field: string, column: number): number {
    const value = isNumber(field) ? Math.fround(Number(field)) : Number.NaN;
    if (Number.isFinite(value)) return value;
    throw this.#error(`has ${field === '' ? 'nothing' : JSON.stringify(field)} in column ${this.#nameOf(column)}: expected a number`);
  }

  #label(field: string, column: number): string {
    if (field.trim() !== '') return field.trim();
    throw this.#error(`has nothing in column ${this.#nameOf(column)}: expected a class`);
  }

  #classOf(label: string): number {
    const known = this.#classes.get(label);
    if (known !== undefined) return known;
    if (this.#classes.size >= this.#limits.classes) {
      throw this.#error(
        `brings one class more to column ${this.#nameOf(this.#target)} than the limit of ${this.#limits.classes}: is it a value?`,
      );
    }
    this.#classes.set(label, this.#classes.size);
    return this.#classes.size - 1;
  }

  #nameOf(column: number): string {
    return JSON.stringify(this.#columns?.[column] ?? String(column + 1));
  }

  #error(message: string): DataFormatError {
    return new DataFormatError(`${this.#name}: row ${this.#row} ${message}`);
  }

  dataset(): Dataset {
    const columns = this.#columns?.length ?? 0;
    const length = this.#row - 1;
    if (length < 1) throw new DataFormatError(`${this.#name}: expected a row of names and at least one of values, got ${this.#row} rows`);
    const split = { length, inputShape: [columns - 1], inputs: this.#values.toShared() };
    if (this.#options.kind === 'value') return { ...split, target: { kind: 'values', shape: [1] }, targets: this.#targets.toShared() };
    const classes = sortedClasses([...this.#classes.keys()]);
    const rank = new Map(classes.map((name, i) => [name, i]));
    const ranks = Int32Array.from(this.#classes.keys(), (name) => rank.get(name) ?? -1);
    const targets = new Int32Array(sharableBytes(4 * length).buffer);
    for (const [i, number] of this.#targets.values().entries()) targets[i] = ranks[number];
    return { ...split, target: { kind: 'class', classes }, targets };
  }
}

/** By their values where all are numbers, else by their letters. */
function sortedClasses(names: readonly string[]): readonly string[] {
  if (names.every((name) => isNumber(name))) return names.toSorted((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}

/** A decimal number as other programs write it; Number() alone also takes '', '0x10' and 'Infinity'. */
function isNumber(field: string): boolean {
  return /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(field);
}

/** Float32 values, as many as come. */
class GrowingFloats {
  #values = new Float32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  values(): Float32Array {
    return this.#values.subarray(0, this.length);
  }

  toShared(): Float32Array {
    const copy = new Float32Array(sharableBytes(4 * this.length).buffer);
    copy.set(this.values());
    return copy;
  }
}

/** The fields of each row. Empty lines are passed over. */
async function* rows({ name, bytes }: NamedBytes, breather: Breather): AsyncGenerator<readonly string[], void, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const scanner = new Scanner(name);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    let text: string;
    try {
      // TextDecoder takes no shared memory.
      text = decoder.decode(Uint8Array.from(bytes.subarray(at, at + PIECE_BYTES)), { stream: at + PIECE_BYTES < bytes.length });
    } catch (error) {
      throw new DataFormatError(`${name}: bytes ${at} to ${Math.min(at + PIECE_BYTES, bytes.length) - 1} are not UTF-8`, { cause: error });
    }
    yield* scanner.scan(text);
    await breather.breathe();
  }
  yield* scanner.end();
}

/** RFC 4180's grammar, one character at a time. */
class Scanner {
  readonly #name: string;
  #fields: string[] = [];
  #field = '';
  #row = 1;
  /** Quoted text, right after a quote in it, or neither. */
  #state: 'plain' | 'quoted' | 'afterQuote' = 'plain';
  /** The last character was a carriage return: only a line feed may follow. */
  #returned = false;

  constructor(name: string) {
    this.#name = name;
  }

  *scan(text: string): Generator<readonly string[], void, void> {
    for (const character of text) {
      if (this.#state === 'quoted') {
        if (character === '"') this.#state = 'afterQuote';
        else this.#append(character);
        continue;
      }
      if (this.#returned && character !== '\n') throw this.#error('has a carriage return that no line feed follows');
      this.#returned = character === '\r';
      if (character === '"') this.#quote();
      else if (character === ',') this.#endField();
      else if (character === '\n') yield* this.#endRow();
      else if (character !== '\r') {
        if (this.#state === 'afterQuote') throw this.#error('goes on after a closing quote');
        this.#append(character);
      }
    }
  }

  *end(): Generator<readonly string[], void, void> {
    if (this.#state === 'quoted') throw this.#error('has a quote that is never closed');
    yield* this.#endRow();
  }

  #quote(): void {
    if (this.#state === 'afterQuote') this.#append('"');
    else if (this.#field !== '') throw this.#error('has a quote inside a field: it would have to be quoted as a whole');
    this.#state = 'quoted';
  }

  #append(character: string): void {
    if (this.#field.length >= FIELD_CHARACTERS) throw this.#error(`has a field of more than ${FIELD_CHARACTERS} characters`);
    this.#field += character;
  }

  #endField(): void {
    if (this.#fields.length >= COLUMNS) throw this.#error(`has more than ${COLUMNS} fields`);
    this.#fields.push(this.#field);
    this.#field = '';
    this.#state = 'plain';
  }

  *#endRow(): Generator<readonly string[], void, void> {
    const empty = this.#fields.length === 0 && this.#field === '' && this.#state === 'plain';
    if (empty) return;
    this.#endField();
    yield this.#fields;
    this.#fields = [];
    this.#row += 1;
  }

  #error(message: string): DataFormatError {
    return new DataFormatError(`${this.#name}: row ${this.#row} ${message}`);
  }
}
