// Converts one field of a column to inputs of a sample.
import { type Decimal, daysIn, isForeignNumber, isInfinite, isMissing, nameIn, numberIn, truthIn } from './cells.ts';
import { type PreparedColumn, widthOf } from './preparation.ts';
import { quoted } from './wording.ts';

/** The reason why a field cannot be used. The message is the row, `found`, the column and `remedy`, in this order. */
export interface FieldProblem {
  /** Such as `has "oops"`. */
  readonly found: string;
  /** Such as `: expected a number`. */
  readonly remedy: string;
}

/**
 * The result of writing a field. `missing`: the field has no value and the column has no replacement. `unknownCategory`: the training file
 * does not have this text. A problem: the field is not a value of the column's kind.
 */
export type Encoded = 'written' | 'missing' | 'unknownCategory' | FieldProblem;

const expectedOf = { number: 'a number', boolean: 'true or false', date: 'an ISO date such as 2024-01-31', category: 'a text' } as const;

export class ColumnEncoder {
  readonly column: PreparedColumn;
  /** The number of inputs that the column becomes. */
  readonly width: number;
  readonly #decimal: Decimal;
  readonly #indices: ReadonlyMap<string, number>;

  constructor(column: PreparedColumn, decimal: Decimal) {
    this.column = column;
    this.width = widthOf(column);
    this.#decimal = decimal;
    this.#indices = new Map(column.categories?.map((category, i) => [category, i]));
  }

  /** Writes a field into `out`, from `offset` on. These inputs must be 0 before. */
  write(field: string, out: Float32Array, offset: number): Encoded {
    const { kind, fill } = this.column;
    if (kind === 'category') return this.#writeCategory(field, out, offset);
    const value = this.#valueOf(field);
    if (Number.isFinite(Math.fround(value))) {
      out[offset] = value;
      return 'written';
    }
    if (Number.isNaN(value) && isMissing(field)) {
      if (typeof fill !== 'number') return 'missing';
      out[offset] = fill;
      return 'written';
    }
    return problemOf(field, value, expectedOf[kind]);
  }

  #writeCategory(field: string, out: Float32Array, offset: number): Encoded {
    const { fill } = this.column;
    const isEmpty = isMissing(field);
    if (isEmpty && typeof fill !== 'string') return 'missing';
    const index = this.#indices.get(isEmpty ? String(fill) : nameIn(field));
    if (index === undefined) return 'unknownCategory';
    out[offset + index] = 1;
    return 'written';
  }

  #valueOf(field: string): number {
    switch (this.column.kind) {
      case 'date':
        return daysIn(field) ?? Number.NaN;
      case 'boolean': {
        const number = numberIn(field, this.#decimal);
        return truthIn(field) ?? (number === 0 || number === 1 ? number : Number.NaN);
      }
      default:
        return numberIn(field, this.#decimal);
    }
  }
}

function problemOf(field: string, value: number, expected: string): FieldProblem {
  const found = `has ${quoted(field)}`;
  if (isInfinite(field) || !Number.isNaN(value)) return { found, remedy: ', which is beyond float32' };
  return { found, remedy: `: expected ${expected}${expected === expectedOf.number ? hintFor(field) : ''}` };
}

function hintFor(field: string): string {
  if (/\d,\d/.test(field)) return ' (remove thousands separators, or for a decimal comma send decimal=,)';
  return isForeignNumber(field) ? ' alone, such as 1234.5: remove currency signs, percent signs and thousands separators' : '';
}
