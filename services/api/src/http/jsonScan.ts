// Scans a JSON text before it is parsed and refuses what would be ambiguous or take long to parse. It builds no values, needs no recursion
// and can stop after any number of characters. It does not check the syntax: JSON.parse does.
import { show } from '@trainyard/engine';
import { ProblemError } from '../problems.ts';

/** Far above the deepest spec that makes sense, far below what overflows a recursive walk. */
const deepest = 64;

export interface JsonLimits {
  /** Numbers, texts, lists and so on. */
  readonly values: number;
  /** Different keys of all objects together. JSON.parse needs most of its time for these. */
  readonly keys: number;
  readonly objects: number;
  readonly lists: number;
  /** The code of the answer for a body over a limit. */
  readonly code: 'invalidRequest' | 'invalidSpec';
}

/** A spec of 1,000 layers is within them. What is within them is checked in a few milliseconds. */
export const specLimits: JsonLimits = { values: 20_000, keys: 1_000, objects: 20_000, lists: 20_000, code: 'invalidSpec' };

/** The same for bodies that are no spec, or hold more than a spec. */
const usualLimits: JsonLimits = { ...specLimits, code: 'invalidRequest' };

/** Data may have as many numbers as there are bytes. A row of a table is an object, and each of its columns a key. */
export const dataLimits: JsonLimits = { values: Infinity, keys: 10_000, objects: 1_000, lists: 100_000, code: 'invalidRequest' };

/** As numbers, because comparing these is much faster than comparing texts of one letter. */
const code = { '{': 123, '}': 125, '[': 91, ']': 93, ',': 44, '"': 34, '\\': 92 } as const;

function malformed(detail: string): ProblemError {
  return new ProblemError('malformedJson', detail);
}

export class JsonScan {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  /** Number of each open bracket's object, counted from 1 over the whole text; 0 for a list. */
  readonly #open: number[] = [];
  #objects = 0;
  #lists = 0;
  #values = 0;
  /** A string is a key if the innermost open bracket is an object's and the string follows `{` or `,`. */
  #keyIsNext = false;
  readonly #numberOfKey = new Map<string, number>();
  /** For each depth: the object in which the key of each number was seen last. */
  readonly #seenIn: Int32Array[] = [];

  constructor(text: string, limits: JsonLimits = usualLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  /** Scans about this many more characters. Returns whether the text has ended. @throws ProblemError 400 */
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

  /** A list or an object has one value more than commas. An empty one counts as if it had a value. */
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

/** The end (exclusive) of the string that starts at `start`; the end of the text for one that is not closed. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === code['\\']) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
  return text.length + 1;
}

/** The key that a JSON string stands for. An invalid one stays as it is: JSON.parse refuses it. */
function unescaped(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}
