// Reads a file as a table: finds its encoding, delimiter and decimal sign, unless the form has them, and returns its rows.
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import type { Breather } from '../limits.ts';
import type { UploadReport } from '../uploadReport.ts';
import type { Decimal } from './cells.ts';
import { findDecimal, findDelimiter, firstRows, usualFields } from './dialect.ts';
import { decodedPieces, decodedText, type Encoding, encodingLabel, unicodeEncoding } from './encoding.ts';
import { type Row, RowScanner } from './rows.ts';
import { counted } from './wording.ts';

export interface TextOptions {
  /** An encoding's name that TextDecoder accepts. */
  readonly encoding?: string | undefined;
  /** The character between two fields. */
  readonly delimiter?: string | undefined;
  readonly decimal?: Decimal | undefined;
  /** `none`: rows that begin with # are read like all others. */
  readonly comment?: '#' | 'none' | undefined;
  /** The maximum number of characters that are searched for the delimiter and the decimal sign. Default: 4,194,304. */
  readonly sampleCharacters?: number;
}

/** Finds the encoding of bytes that are neither UTF-8 nor UTF-16. */
export type FindEncoding = (bytes: Uint8Array) => Encoding;

/** The character that DOS programs write at the end of a text. */
const END_OF_FILE = '\u001a';

/** The part of the file that is searched for the delimiter and the decimal sign. */
const SAMPLE = { characters: 4 * 2 ** 20, lines: 200 };

/** The default for bytes in an unknown encoding: Windows uses it in Western Europe and America. */
export const westernEncoding: Encoding = { label: 'windows-1252', reason: 'The bytes are not UTF-8.' };

export class TableText {
  readonly name: string;
  readonly decimal: Decimal;
  /** The most frequent number of fields in a row. */
  readonly usualFields: number;
  readonly #file: NamedBytes;
  readonly #label: string;
  readonly #delimiter: string;
  readonly #hasComments: boolean;
  /** The length of a first line such as `sep=;`, which names the delimiter. 0 without such a line. */
  readonly #skipped: number;
  readonly #report: UploadReport;

  /**
   * Finds the encoding, the delimiter and the decimal sign, and reports them.
   * @throws DataFormatError if the encoding is unknown, or if bytes are not valid in it
   */
  constructor(file: NamedBytes, options: TextOptions, report: UploadReport, findEncoding: FindEncoding = () => westernEncoding) {
    this.#file = file;
    this.name = file.name;
    this.#report = report;
    this.#label = this.#encoding(options, findEncoding);
    const sample = sampleOf(file, this.#label, options.sampleCharacters);
    const { isWhole } = sample;
    const [line = '', announced] = delimiterLine.exec(sample.text) ?? [];
    this.#skipped = line.length;
    const text = sample.text.slice(line.length);
    const found = announced === undefined ? findDelimiter(text, isWhole) : announcedDelimiter(announced);
    this.#delimiter = options.delimiter ?? found.delimiter;
    if (options.delimiter === undefined) report.choice('delimiter', found.delimiter, found.reason);
    const rows = firstRows(text, this.#delimiter, isWhole);
    this.usualFields = usualFields(rows);
    this.#hasComments = options.comment !== 'none';
    const { decimal, reason } = findDecimal(rows, this.#delimiter);
    this.decimal = options.decimal ?? decimal;
    if (options.decimal === undefined) report.choice('decimal', decimal, reason);
  }

  #encoding({ encoding }: TextOptions, findEncoding: FindEncoding): string {
    if (encoding !== undefined) {
      const label = encodingLabel(encoding);
      if (label === null) throw new DataFormatError(`encoding: ${JSON.stringify(encoding)} is not known`);
      return label;
    }
    const { label, reason } = unicodeEncoding(this.#file.bytes) ?? findEncoding(this.#file.bytes);
    this.#report.choice('encoding', label, reason);
    return label;
  }

  /**
   * The position of the first NUL character in bytes. Undefined if there is no NUL, and for UTF-16, in which other characters contain zero
   * bytes too.
   */
  #firstNul(): number | undefined {
    if (this.#label.startsWith('utf-16')) return undefined;
    const at = this.#file.bytes.indexOf(0);
    return at === -1 ? undefined : at;
  }

  /**
   * Yields the rows. Rows without any value, and comments, are left out and reported.
   * @throws RowError if a row cannot be split into fields
   * @throws DataFormatError if bytes are not valid in the encoding
   */
  async *rows(breather: Breather, onRead?: (bytes: number) => void): AsyncGenerator<Row, void, void> {
    const scanner = new RowScanner(this.name, this.#delimiter, this.#firstNul());
    const passedOver = { empty: 0, comments: 0 };
    const holdsSomething = ({ fields }: Row): boolean => {
      if (this.#hasComments && fields.length !== this.usualFields && fields[0].trimStart().startsWith('#')) {
        passedOver.comments += 1;
        return false;
      }
      if (fields.length === 1 && fields[0] === END_OF_FILE) return false;
      if (fields[0] !== '' || fields.some((field) => field.trim() !== '')) return true;
      passedOver.empty += 1;
      return false;
    };
    let skipped = this.#skipped;
    for await (const decoded of decodedText(this.#file, this.#label, breather, onRead)) {
      const text = decoded.slice(skipped);
      skipped -= decoded.length - text.length;
      for (const row of scanner.scan(text, false)) if (holdsSomething(row)) yield row;
    }
    for (const row of scanner.scan('', true)) if (holdsSomething(row)) yield row;
    const { empty, comments } = passedOver;
    if (empty > 0)
      this.#report.choice(
        'missing',
        'drop',
        `${this.name}: ${counted(empty, 'row')} without any value ${empty === 1 ? 'was' : 'were'} left out.`,
      );
    if (comments > 0)
      this.#report.choice(
        'comment',
        '#',
        `${this.name}: ${counted(comments, 'row')} that ${comments === 1 ? 'begins' : 'begin'} with # and ${comments === 1 ? 'has' : 'have'} another number of fields ${comments === 1 ? 'was' : 'were'} left out.`,
      );
  }
}

/** A first line that Excel writes and reads, such as `sep=;`. It names the delimiter. */
const delimiterLine = /^"?sep=(\\t|[^"\p{L}\p{N}\r\n])"?[,;\t ]*(?:\r\n?|\n)/iu;

function announcedDelimiter(announced: string): { readonly delimiter: string; readonly reason: string } {
  const delimiter = announced === String.raw`\t` ? '\t' : announced;
  return {
    delimiter,
    reason: `The first line is sep=${announced === '\t' ? '\\t' : announced} and names the delimiter. It is not read as a row.`,
  };
}

/** Returns the beginning of a file, in which the delimiter and the decimal sign are searched. */
function sampleOf(file: NamedBytes, label: string, most = SAMPLE.characters): { readonly text: string; readonly isWhole: boolean } {
  let text = '';
  for (const piece of decodedPieces(file, label)) {
    text += piece;
    if (text.length >= most || text.split(/[\r\n]/, SAMPLE.lines).length === SAMPLE.lines) return { text, isWhole: false };
  }
  return { text, isWhole: true };
}
