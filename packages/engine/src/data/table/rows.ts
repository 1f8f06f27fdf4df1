// Splits delimiter-separated text into rows and fields (RFC 4180 and common variants): fields may be quoted, and lines end with LF, CRLF or
// CR. The fields are not interpreted.
import { DataFormatError } from '../errors.ts';

/** The maximum number of characters of a field. A longer field means that the text is not a table or that a quote is never closed. */
export const FIELD_CHARACTERS = 1_000;
export const MOST_COLUMNS = 100_000;
/** The maximum number of characters of an incomplete row. It is read again with each new piece of text. */
const ROW_CHARACTERS = 8 * 2 ** 20;

export interface Row {
  /** The number of the row, from 1. Empty lines are not counted. */
  readonly number: number;
  readonly fields: readonly string[];
}

/** A row that cannot be split into fields. The rows after it cannot be read either. */
export class RowError extends DataFormatError {
  readonly row: number;

  constructor(name: string, row: number, message: string) {
    super(`${name}: row ${row} ${message}`);
    this.row = row;
  }
}

const [QUOTE, LF, CR] = ['"', '\n', '\r'].map((character) => character.charCodeAt(0));

export class RowScanner {
  readonly #name: string;
  readonly #delimiter: number;
  readonly #nulPlace: string;
  #row = 0;
  /** The text of the row that is not complete yet. */
  #rest = '';
  #fields: string[] = [];

  /**
   * @param delimiter the character between two fields
   * @param firstNul the position of the file's first NUL character in bytes, if known
   */
  constructor(name: string, delimiter: string, firstNul?: number) {
    this.#name = name;
    this.#nulPlace = firstNul === undefined ? '' : ` at byte ${firstNul}`;
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /**
   * Yields the rows that are complete after this piece of text. With the last piece it yields all remaining rows.
   * @throws RowError if a row cannot be split into fields
   */
  *scan(piece: string, isLast: boolean): Generator<Row, void, void> {
    const nul = piece.indexOf('\0');
    const text = this.#rest + (nul === -1 ? piece : piece.slice(0, nul));
    let at = 0;
    while (at < text.length) {
      this.#fields = [];
      const end = this.#readRow(text, at, isLast && nul === -1);
      if (end === -1) break;
      at = end;
      if (this.#fields.length === 1 && this.#fields[0].trim() === '') continue;
      this.#row += 1;
      yield { number: this.#row, fields: this.#fields };
    }
    this.#rest = text.slice(at);
    if (nul !== -1) throw this.#error(`has a NUL character${this.#nulPlace}: remove it, or save the file again as text`);
    if (this.#rest.length > ROW_CHARACTERS) throw this.#error(`has more than ${ROW_CHARACTERS} characters`);
  }

  /** Reads the row that begins at `at` into the fields. @returns the position of the next row, or -1 if this row is not complete */
  #readRow(text: string, at: number, isLast: boolean): number {
    let position = at;
    for (;;) {
      position = this.#readField(text, position, isLast);
      if (position === -1) return -1;
      if (position >= text.length) return isLast ? text.length : -1;
      const code = text.charCodeAt(position);
      position += 1;
      if (code === this.#delimiter) continue;
      if (code === LF) return position;
      // The line feed that may follow can be the first character of the next piece.
      if (position >= text.length && !isLast) return -1;
      return text.charCodeAt(position) === LF ? position + 1 : position;
    }
  }

  /**
   * Reads a field.
   * @returns the position of its end (a delimiter, the end of the line or of the text), or -1 if the field is not complete
   */
  #readField(text: string, start: number, isLast: boolean): number {
    let end = start;
    while (end < text.length && this.#isBlank(text.charCodeAt(end))) end += 1;
    if (end < text.length && text.charCodeAt(end) === QUOTE) return this.#readQuoted(text, end + 1, isLast);
    while (end < text.length && !this.#endsField(text.charCodeAt(end))) end += 1;
    this.#push(text.slice(start, end));
    return end;
  }

  #readQuoted(text: string, start: number, isLast: boolean): number {
    let field = '';
    let from = start;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote === -1 || quote - start > 2 * FIELD_CHARACTERS) {
        if (text.length - start > 2 * FIELD_CHARACTERS) throw this.#longField('is a quote never closed?');
        if (isLast) throw this.#error('has a quote that is never closed');
        return -1;
      }
      field += text.slice(from, quote);
      if (quote + 1 >= text.length && !isLast) return -1;
      if (text.charCodeAt(quote + 1) !== QUOTE) {
        this.#push(field);
        return this.#afterQuote(text, quote + 1);
      }
      field += '"';
      from = quote + 2;
    }
  }

  #afterQuote(text: string, start: number): number {
    let end = start;
    while (end < text.length && this.#isBlank(text.charCodeAt(end))) end += 1;
    if (end < text.length && !this.#endsField(text.charCodeAt(end)))
      throw this.#error('has text after a closing quote: double the quotes inside a field, or send the right delimiter');
    return end;
  }

  #isBlank(code: number): boolean {
    return (code === 0x20 || code === 0x09) && code !== this.#delimiter;
  }

  #endsField(code: number): boolean {
    return code === this.#delimiter || code === LF || code === CR;
  }

  #push(field: string): void {
    if (field.length > FIELD_CHARACTERS) throw this.#longField('remove the column, because such long texts cannot be inputs');
    if (this.#fields.length >= MOST_COLUMNS) throw this.#error(`has more than ${MOST_COLUMNS} fields`);
    this.#fields.push(field);
  }

  #longField(question: string): RowError {
    return this.#error(`has a field of more than ${FIELD_CHARACTERS} characters: ${question}`);
  }

  #error(message: string): RowError {
    return new RowError(this.#name, this.#row + 1, message);
  }
}
