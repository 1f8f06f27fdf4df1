// Builds JSON bodies that are expensive to check. Each is a valid example in which up to three values are replaced by, or filled with, very
// many copies of one fragment.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Path = readonly (string | number)[];

/** A change of an example. */
export interface Filling {
  /** The place of the value that is changed. */
  readonly path: Path;
  /** One of `kinds`. */
  readonly kind: string;
  /** The largest number of copies. */
  readonly most: number;
}

/** The limits of a filling. */
interface Room {
  readonly bytes: number;
  /** The largest number of copies. */
  readonly most: number;
}

/** Joins the texts `copy(0)`, `copy(1)`, … with commas: as many as fit into `bytes`, but at most `most`. */
function copies({ bytes, most }: Room, copy: (index: number) => string): string {
  const parts: string[] = [];
  for (let used = 0; parts.length < most; ) {
    const part = copy(parts.length);
    used += part.length + 1;
    if (used > bytes) break;
    parts.push(part);
  }
  return parts.join(',');
}

/** Repeats a text as often as it fits. */
const times = (text: string, { bytes, most }: Room): string => text.repeat(Math.max(0, Math.min(most, Math.floor(bytes / text.length))));

/** Builds values that replace any other value. */
const values: Readonly<Record<string, (room: Room) => string>> = {
  'a list of numbers': (room) => `[${copies(room, () => '1')}]`,
  'a list of long numbers': (room) => `[${copies(room, (index) => String(1 / (index + 3)))}]`,
  'a list of texts': (room) => `[${copies(room, () => '""')}]`,
  'a list of objects': (room) => `[${copies(room, () => '{}')}]`,
  'a list of lists': (room) => `[${copies(room, () => '[]')}]`,
  'a list of layers': (room) => `[${copies(room, () => '{"type":"relu"}')}]`,
  'a list of layers that are wrong': (room) => `[${copies(room, () => '{"type":"conv2d","kernelSize":"","stride":[],"padding":""}')}]`,
  'a list of layers with one name': (room) => `[${copies(room, () => '{"type":"relu","name":"a"}')}]`,
  'a list of unknown types': (room) => `[${copies(room, (index) => `{"type":"relo${index}"}`)}]`,
  'a list of objects with other keys': (room) => `[${copies(room, (index) => `{"k${index}":1}`)}]`,
  'an object of numbers': (room) => `{${copies(room, (index) => `"k${index}":1`)}}`,
  'an object of objects': (room) => `{${copies(room, (index) => `"/k${index}":{}`)}}`,
  'a long text': (room) => `"${times('x', room)}"`,
  'a long text of escapes': (room) => `"${times('\\u0000', room)}"`,
  'a long text of quotes': (room) => `"${times('\\"', room)}"`,
  'a long number': (room) => `1${times('9', room)}`,
  'lists in lists': (room) => `${times('[', { ...room, bytes: room.bytes / 2 })}${times(']', { ...room, bytes: room.bytes / 2 })}`,
  'objects in objects': (room) => `${times('{"a":', { ...room, bytes: room.bytes / 2 })}1`,
  'a long list deep inside': (room) => `${'['.repeat(50)}${copies(room, () => '1')}${']'.repeat(50)}`,
};

/** Builds members that are added to an object. */
const members: Readonly<Record<string, (room: Room) => string>> = {
  'unknown fields': (room) => copies(room, (index) => `"k${index}":1`),
  'misspelt fields': (room) => copies(room, (index) => `"${['nam', 'epohcs', 'webhok', 'kernelSiz'][index % 4]}${index.toString(36)}":1`),
  'unknown fields with slashes': (room) => copies(room, (index) => `"~/${index}":1`),
  'one long unknown field': (room) => `"${times('k', { ...room, bytes: room.bytes - 4 })}":1`,
  'long unknown fields': (room) => copies(room, (index) => `"${index}${'k'.repeat(99)}":1`),
};

/** The names of all kinds. The kinds that add members change objects only. */
export const kinds: readonly string[] = ['copies of its first element', ...Object.keys(values), ...Object.keys(members)];

/** Lists the paths of all values in `value`, outer values first. */
export function placesOf(value: Json, path: Path = []): Path[] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const step = (key: string): string | number => (Array.isArray(value) ? Number(key) : key);
  return [path, ...inner.flatMap(([key, child]) => placesOf(child, [...path, step(key)]))];
}

function valueAt(value: Json, path: Path): Json | undefined {
  return path.reduce<unknown>((holder, step) => (holder as Readonly<Record<string | number, unknown>> | null)?.[step], value) as Json;
}

function replaced(value: Json, [step, ...rest]: Path, by: Json): Json {
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((inner: Json, index) => (index === step ? replaced(inner, rest, by) : inner));
  const object = value as { readonly [key: string]: Json };
  return { ...object, [step]: replaced(object[step] ?? null, rest, by) };
}

const isInside = (path: Path, outer: Path): boolean => outer.every((step, i) => path[i] === step);

/** Builds the JSON text of an example with fillings. Ignores a filling inside or around an earlier one. @param bytes the largest size of the body */
export function bodyWith(example: Json, fillings: readonly Filling[], bytes: number): string {
  const used = fillings.filter(
    ({ path }, i) => !fillings.some((other, j) => j < i && (isInside(path, other.path) || isInside(other.path, path))),
  );
  const room = (bytes - JSON.stringify(example).length - 64 * used.length) / used.length;
  let body = example;
  const texts = new Map<string, string>();
  for (const [index, { path, kind, most }] of used.entries()) {
    const old = valueAt(example, path);
    const mark = `\u0001${index}`;
    const make = values[kind];
    const add = members[kind];
    if (make !== undefined) texts.set(JSON.stringify(mark), make({ bytes: room, most }));
    else if (Array.isArray(old)) texts.set(JSON.stringify(mark), `[${copies({ bytes: room, most }, () => JSON.stringify(old[0] ?? 0))}]`);
    else if (add !== undefined && typeof old === 'object' && old !== null) {
      texts.set(`${JSON.stringify(mark)}:0`, add({ bytes: room, most }));
      body = replaced(body, path, { ...(old as object), [mark]: 0 });
      continue;
    } else continue;
    body = replaced(body, path, mark);
  }
  let text = JSON.stringify(body);
  for (const [mark, filling] of texts) text = text.replace(mark, () => filling);
  return text;
}
