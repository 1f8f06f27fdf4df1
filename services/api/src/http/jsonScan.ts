// Scans a JSON text before it is parsed, and refuses a text that is ambiguous or would take long to parse. It builds no values, needs no
// recursion and can pause after any number of characters. It does not check the syntax, because JSON.parse does.
import { show } from '@trainyard/engine/spec';
import { ProblemError } from '../problems.ts';

/** The deepest nesting that is allowed. Sensible specs are much less deep, and recursive code can walk this depth without overflow. */
const deepest = 64;

export interface JsonLimits {
  /** All values: numbers, strings, booleans, nulls, lists and objects. */
  readonly values: number;
  /** Different keys in all objects together. JSON.parse spends most of its time on them. */
  readonly keys: number;
  readonly objects: number;
  readonly lists: number;
  /** The problem code for a body over a limit. */
  readonly code: 'invalidRequest' | 'invalidSpec';
}

/** The limits of a spec. They allow 1,000 layers. Checking a body within these limits takes a few milliseconds. */
export const specLimits: JsonLimits = { values: 20_000, keys: 1_000, objects: 20_000, lists: 20_000, code: 'invalidSpec' };

/** The same limits for other bodies, such as a sweep, which contains a spec. */
const usualLimits: JsonLimits = { ...specLimits, code: 'invalidRequest' };

/** The limits of samples to predict. The size of the body limits the number of values. A table row is an object, and a column is a key. */
export const dataLimits: JsonLimits = { values: Infinity, keys: 10_000, objects: 1_000, lists: 100_000, code: 'invalidRequest' };

/** Character codes, because comparing numbers is much faster than comparing strings of one letter. */
const code = { '{': 123, '}': 125, '[': 91, ']': 93, ',': 44, '"': 34, '\\': 92 } as const;

function malformed(detail: string): ProblemError {
  return new ProblemError('malformedJson', detail);
}

export class JsonScan {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  /** For each open bracket, the number of its object, counted from 1 over the whole text, or 0 for a list. */
  readonly #open: number[] = [];
  #objects = 0;
  #lists = 0;
  #values = 0;
  /** Whether the next string is a key: it follows `{`, or a `,` in an object. */
  #keyIsNext = false;
  /** Numbers the different keys from 0. */
  readonly #numberOfKey = new Map<string, number>();
  /** For each depth, an array from the number of a key to the number of the last object at this depth that has the key. */
  readonly #seenIn: Int32Array[] = [];

  constructor(text: string, limits: JsonLimits = usualLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  /**
   * Scans about `characters` more characters. Returns whether the end of the text was reached.
   * @throws ProblemError 400 if the text is ambiguous or nested too deeply
   * @throws ProblemError 422 if the text is over a limit
   */
  advance(characters: number): boolean {
    const text = this.#text;
    const end = Math.min(text.length, this.#at + characters);
    let at = this.#at;
    for (; at < end; at++) {
      const char = text.charCodeAt(at);
      if (char === code['{'] || char === code['[']) this.#enter(char === code['{']);
      else if (char === code['}'] || char === code[']']) {
        this.#open.pop();
        this.#keyIsNext = false;
      } else if (char === code[',']) {
        this.#count();
        this.#keyIsNext = (this.#open.at(-1) ?? 0) > 0;
      } else if (char === code['"']) {
        const after = endOfString(text, at);
        if (this.#keyIsNext) this.#addKey(text.slice(at + 1, after - 1));
        this.#keyIsNext = false;
        at = after - 1;
      }
    }
    this.#at = at;
    return at >= text.length;
  }

  /** Counts a value for each comma and each opening bracket: a list has one value more than commas. An empty list counts as one value. */
  #count(): void {
    this.#values += 1;
    if (this.#values > this.#limits.values)
      throw this.#overLimit(`has more than ${this.#limits.values} values: send fewer layers or shorter lists`);
  }

  #overLimit(message: string): ProblemError {
    return new ProblemError(this.#limits.code, `The body ${message}.`, { issues: [{ path: '', message, code: 'limitExceeded' }] });
  }

  #enter(isObject: boolean): void {
    this.#count();
    if (!isObject) this.#lists += 1;
    if (this.#lists > this.#limits.lists) throw this.#overLimit(`has more than ${this.#limits.lists} lists`);
    this.#open.push(isObject ? ++this.#objects : 0);
    if (this.#objects > this.#limits.objects) throw this.#overLimit(`has more than ${this.#limits.objects} objects`);
    if (this.#open.length > deepest) throw malformed(`The body nests deeper than ${deepest} levels.`);
    this.#keyIsNext = isObject;
  }

  #addKey(raw: string): void {
    const key = raw.includes('\\') ? unescaped(raw) : raw;
    if (key === '__proto__') throw malformed('The body has a key "__proto__", which is not allowed.');
    const number = this.#numberOfKey.get(key) ?? this.#numberOfKey.size;
    if (number === this.#limits.keys) throw this.#overLimit(`has more than ${this.#limits.keys} different keys`);
    this.#numberOfKey.set(key, number);
    const depth = this.#open.length;
    const object = this.#open[depth - 1] ?? 0;
    const seenIn = (this.#seenIn[depth] ??= new Int32Array(this.#limits.keys));
    if (seenIn[number] === object) throw malformed(`The body has the key ${show(key)} twice in one object; give it once.`);
    seenIn[number] = object;
  }
}

/** Returns the index after the string that starts at `start`. If the string is not closed, returns an index after the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === code['\\']) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
  return text.length + 1;
}

/** Returns the key that a JSON string represents. An invalid string is returned unchanged, because JSON.parse refuses it later. */
function unescaped(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}
