// Turns zod's issues into problems for people: a JSON pointer, a message with the offending value and the remedy, and a stable code. The
// whole project parses its inputs with this module, so errors look the same everywhere.
import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { mostProblems, type Problem } from './errors.ts';

export type Parsed<T> = { readonly ok: true; readonly data: T } | { readonly ok: false; readonly problems: Problem[] };

/** The most characters of a value in a message. */
const shownCharacters = 60;

/** The most characters of a key in a pointer. */
const shownKeyCharacters = 100;

/**
 * Parses `input`. If it does not fit the schema, the result has up to 100 problems. Only these get messages, because writing a hundred
 * thousand messages would take seconds.
 */
export function parse<T extends z.ZodType>(schema: T, input: unknown): Parsed<z.output<T>> {
  const context = { async: false, error: describe, reportInput: true } as const;
  const result = schema._zod.run({ value: input, issues: [] }, { ...context, error: describeSome() });
  if (result instanceof Promise) throw new z.core.$ZodAsyncError();
  if (result.issues.length === 0) return { ok: true, data: result.value as z.output<T> };
  const issues = result.issues.slice(0, mostProblems).map((issue) => z.core.util.finalizeIssue(issue, context, z.config()));
  return { ok: false, problems: issues.flatMap(problemsOf).slice(0, mostProblems) };
}

/**
 * Makes a schema keep at most 100 problems. Use it for a list that is an alternative of a union: a union describes all problems of its
 * alternatives, which is slow for a list of thousands. Call `describe` before this function, because `describe` returns a copy of the
 * schema without the limit.
 */
export function keepingFewProblems<T extends z.ZodType>(schema: T): T {
  const run = schema._zod.run.bind(schema._zod);
  schema._zod.run = (payload, context) => {
    const result = run(payload, context);
    if (!(result instanceof Promise) && result.issues.length > mostProblems) result.issues.length = mostProblems;
    return result;
  };
  return schema;
}

/**
 * Returns a JSON pointer from the steps of a path. Keys of more than 100 characters are shortened: a pointer with such a key is for reading
 * and cannot be resolved.
 */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${shortened(String(step), shownKeyCharacters).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}…` : text;
}

/**
 * Returns a value as JSON for a message, shortened to 60 characters. For values that JSON cannot express (Infinity, NaN, a function, a
 * tensor), the message has their name.
 */
export function show(value: unknown): string {
  if (typeof value === 'number' || value === undefined) return String(value);
  return shortened(typeof value === 'bigint' ? `${value}` : asJson(value), shownCharacters);
}

function asJson(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value === 'symbol') return String(value);
  const made: unknown = typeof value === 'object' && value !== null ? value.constructor : undefined;
  if (typeof made === 'function' && made !== Object && made !== Array) return article(made.name);
  return beginningOfJson(value, shownCharacters + 1);
}

/** Returns the beginning of a value's JSON, about `most` characters. It takes little time even if the value is large. */
function beginningOfJson(value: unknown, most: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, most));
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return Array.isArray(value) ? beginningOfList(value, most) : beginningOfObject(value, most);
}

function beginningOfList(list: readonly unknown[], most: number): string {
  let text = '[';
  for (let index = 0; index < list.length && text.length < most; index++) {
    text += `${index === 0 ? '' : ','}${beginningOfJson(list[index], most - text.length)}`;
  }
  return `${text}]`;
}

function beginningOfObject(object: object, most: number): string {
  let text = '{';
  for (const [key, value] of Object.entries(object)) {
    if (text.length >= most) break;
    if (value === undefined) continue;
    text += `${text === '{' ? '' : ','}${JSON.stringify(key.slice(0, most))}:${beginningOfJson(value, most - text.length)}`;
  }
  return `${text}}`;
}

/**
 * Returns the known name that `name` was probably meant to be: the same except for case and underscores (PyTorch's `kernel_size`), its
 * initials (`lr`), or a few letters different. Returns null if no known name is similar.
 */
export function nearest(name: string, known: readonly string[]): string | null {
  // No known name is this long, and the comparison would take long.
  if (name.length > 100) return null;
  const plain = (text: string): string => text.replaceAll(/[^a-zA-Z0-9]/g, '').toLowerCase();
  const initials = (text: string): string => `${text[0] ?? ''}${text.replaceAll(/[^A-Z]/g, '')}`.toLowerCase();
  const same = known.find((candidate) => plain(candidate) === plain(name) || initials(candidate) === name);
  if (same !== undefined) return same;
  if (known.length === 0) return null;
  const near = closest(name, [...known]);
  return distance(plain(name), plain(near)) <= Math.max(2, Math.floor(near.length / 3)) ? near : null;
}

/**
 * Matches a text without control characters. The pattern lists the allowed code units, because JSON Schema passes it to validators and
 * generators that may not support \p{Cc} and the u flag.
 */
export const printable = /^[ -~\u00a0-\uffff]*$/;

/** The schema of a name for people, such as the name of a job. */
export const displayName = z.string().min(1).max(200).regex(printable, 'must not have control characters');

const codes: Partial<Record<string, string>> = {
  too_small: 'tooSmall',
  too_big: 'tooBig',
  invalid_format: 'invalidFormat',
  invalid_value: 'invalidValue',
  invalid_union: 'invalidValue',
  not_multiple_of: 'invalidValue',
};

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message === '' ? [] : issue.message.split(' ');
    return issue.keys
      .slice(0, mostProblems)
      .map((key) => ({ path: pointer([...issue.path, key]), message: unknownField(key, known), code: 'unknownField' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Reports the problems of the first alternative that accepts the type of the value, because its problems are inside the value.
    const further = issue.errors.find((errors) => errors.every((error) => error.code !== 'invalid_type' || error.path.length > 0));
    if (further !== undefined) return further.flatMap((error) => problemsOf({ ...error, path: [...issue.path, ...error.path] }));
  }
  if (issue.code === 'invalid_key') {
    const key = show(String(issue.path.at(-1)));
    return issue.issues.map(({ message }) => ({ path: pointer(issue.path), message: `the key ${key}: ${message}`, code: 'invalidKey' }));
  }
  let code = codes[issue.code] ?? 'invalidType';
  if ((issue.code === 'invalid_type' || issue.code === 'invalid_union') && issue.input === undefined) code = 'required';
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined)
    code = issue.path.length > 0 ? discriminatorCode(issue) : 'invalidType';
  if (issue.code === 'custom') code = typeof issue.params?.code === 'string' ? issue.params.code : 'invalidValue';
  return [{ path: pointer(issue.path), message: issue.message, code }];
}

function discriminatorCode(issue: { readonly input?: unknown; readonly discriminator?: string | undefined }): string {
  return chosen(issue) === undefined ? 'required' : 'unknownType';
}

/** Returns the value of the input's discriminator field. This field selects the alternative of the union. */
function chosen(issue: { readonly input?: unknown; readonly discriminator?: string | undefined }): unknown {
  const { input, discriminator } = issue;
  if (typeof input !== 'object' || input === null || discriminator === undefined) return undefined;
  return Object.hasOwn(input, discriminator) ? (input as Readonly<Record<string, unknown>>)[discriminator] : undefined;
}

function unknownField(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== null) return `unknown field ${show(key)}: did you mean "${near}"?`;
  return known.length === 0
    ? `unknown field ${show(key)}: none is allowed here`
    : `unknown field ${show(key)}: known are ${known.join(', ')}`;
}

const describe: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'unrecognized_keys':
      // problemsOf splits this list of known fields, and writes one message for each unknown field.
      return issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape).join(' ') : '';
    case 'invalid_type':
      if (issue.input === undefined) return `required: expected ${article(issue.expected)}`;
      return `expected ${issue.expected === 'number' && typeof issue.input === 'number' ? 'a finite number' : article(issue.expected)}, got ${show(issue.input)}`;
    case 'too_small':
      return bound(issue, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return bound(issue, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}, got ${show(issue.input)}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}, got ${show(issue.input)}`;
    case 'invalid_union':
      return describeUnion(issue);
    default:
      return undefined;
  }
};

/**
 * Makes an error map that describes the first 1,000 problems only. zod calls the map for all problems of a union's alternatives. There can
 * be thousands.
 */
function describeSome(): z.core.$ZodErrorMap {
  let left = 10 * mostProblems;
  return (issue) => {
    left -= 1;
    return left >= 0 ? describe(issue) : 'is not valid';
  };
}

function describeUnion(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  if (issue.discriminator === undefined) {
    const { inst } = issue;
    const wanted = inst instanceof z.ZodType && inst.description !== undefined ? ` (${inst.description})` : '';
    if (issue.input === undefined) return `required${wanted}`;
    return `no allowed form fits the value ${show(issue.input)}${wanted}`;
  }
  const known = Array.isArray(issue.options) ? issue.options.map(String) : [];
  const value = chosen(issue);
  if (value === undefined) return `required: one of ${known.join(', ')}`;
  const near = typeof value === 'string' ? nearest(value, known) : null;
  return `unknown ${issue.discriminator} ${show(value)}${near === null ? '' : `: did you mean "${near}"?`} (known: ${known.join(', ')})`;
}

function article(type: string): string {
  if (type === 'int') return 'a whole number';
  return /^[aeio]/i.test(type) ? `an ${type}` : `a ${type}`;
}

function bound(issue: { readonly origin: string; readonly input?: unknown }, relation: string, limit: number | bigint): string {
  if (issue.origin === 'string') return `must have ${relation} ${limit} characters, got ${show(issue.input)}`;
  if (issue.origin === 'array')
    return `must have ${relation} ${limit} elements, got ${Array.isArray(issue.input) ? issue.input.length : 'none'}`;
  return `must be ${relation} ${limit}, got ${show(issue.input)}`;
}
