// Reads single fields of a table: missing values, numbers, truth values and dates.

const missing = new Set(['', 'na', 'n/a', '#n/a', '<na>', 'nan', 'null', String.raw`\n`, '?', '-']);

/**
 * Returns whether a field stands for a missing value: empty, NA, N/A, #N/A, <NA>, NaN, null, \N (written by MySQL and PostgreSQL), ? or -.
 */
export const isMissing = (field: string): boolean => field.length <= 12 && missing.has(field.trim().toLowerCase());

const withPoint = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/;
const withComma = /^\s*[-+]?(\d+,?\d*|,\d+)([eE][-+]?\d+)?\s*$/;
const infinite = /^\s*[-+]?inf(inity)?\s*$/i;

export type Decimal = '.' | ',';

/** Decimal numbers as other programs write them. Number() would also accept '', '0x10' and 'Infinity'. */
export const isNumber = (field: string, decimal: Decimal): boolean => (decimal === '.' ? withPoint : withComma).test(field);

export const isInfinite = (field: string): boolean => infinite.test(field);

/**
 * Powers of ten that float64 represents exactly. If a whole number below 2^53 is divided by one of them, the result is correctly rounded.
 */
const tens = Array.from({ length: 16 }, (_, power) => 10 ** power);
const [ZERO, NINE, MINUS] = ['0', '9', '-'].map((character) => character.charCodeAt(0));

/** Returns the number in a field; NaN if the field contains no number. */
export function numberIn(field: string, decimal: Decimal): number {
  const { length } = field;
  const point = decimal === '.' ? 0x2e : 0x2c;
  // This loop reads the most common numbers: a few digits, with or without a minus sign and a point. Number() reads all others.
  const isNegative = field.charCodeAt(0) === MINUS;
  let decimals = -1;
  let digits = 0;
  let value = 0;
  for (let i = isNegative ? 1 : 0; i < length; i++) {
    const code = field.charCodeAt(i);
    if (code >= ZERO && code <= NINE) {
      value = value * 10 + (code - ZERO);
      digits += 1;
      if (decimals >= 0) decimals += 1;
    } else if (code === point && decimals < 0) decimals = 0;
    else return anyNumberIn(field, decimal);
  }
  if (digits === 0 || digits > 15) return anyNumberIn(field, decimal);
  const size = decimals > 0 ? value / tens[decimals] : value;
  return isNegative ? -size : size;
}

function anyNumberIn(field: string, decimal: Decimal): number {
  if (!isNumber(field, decimal)) return Number.NaN;
  return Number(decimal === '.' ? field : field.replace(',', '.'));
}

const grouped = /^\s*[-+]?\d{1,3}([.,\s'’]\d{3})+([.,]\d+)?\s*$/;
const currencyBefore = /^\s*([-+]?)\s*\p{Sc}\s*/u;
const unitBehind = /\s*[\p{Sc}%‰]\s*$/u;

/**
 * Returns whether a field looks like a number in a notation that this reader may not understand, such as 1,234 or $5 or 5%. Such a field
 * does not make its column a text column.
 */
export function isForeignNumber(field: string): boolean {
  if (field.length > 40) return isNumber(field, '.') || isNumber(field, ',');
  const bare = field.replace(currencyBefore, '$1').replace(unitBehind, '');
  return isNumber(bare, '.') || isNumber(bare, ',') || grouped.test(bare);
}

const writtenTime = /^\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?(\s*[ap]\.?m\.?)?\s*$/i;
const writtenDate = /^\s*\d{1,4}([./-])\d{1,2}\1\d{1,4}([\sT]+\d{1,2}:\d{2}.*)?$/;

/** Returns whether a field is a time of day, or a date that is not an ISO date, such as 31.01.2024. */
export const isForeignDate = (field: string): boolean => field.length <= 40 && (writtenTime.test(field) || writtenDate.test(field));

/** Returns 1 for true, 0 for false, and null for any other field. */
export function truthIn(field: string): 0 | 1 | null {
  if (field.length > 12) return null;
  const text = field.trim().toLowerCase();
  if (text === 'true') return 1;
  return text === 'false' ? 0 : null;
}

const isoDate = /^\s*(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(Z|[-+]\d{2}:?\d{2})?)?\s*$/;
const DAY_MS = 86_400_000;

/**
 * Returns the days since 1970-01-01 (UTC) of an ISO 8601 date, with or without a time; null if it is no valid date, such as February 30.
 */
export function daysIn(field: string): number | null {
  const match = field.length > 40 ? null : isoDate.exec(field);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part: string | undefined) => Number(part ?? '0'));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 24 || minute > 59 || second > 60) return null;
  return (date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 - offsetMs(match[7])) / DAY_MS;
}

/** Returns the offset of a time zone such as +02:00, in ms. */
function offsetMs(zone = 'Z'): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** Returns the text of a category or class: without surrounding blanks, and with letters and accents composed (Unicode's NFC). */
export const nameIn = (field: string): string => field.trim().normalize('NFC');
