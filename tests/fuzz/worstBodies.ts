// JSON bodies of the worst kinds: an example in which places are replaced by, or filled with, as much of one thing as fits.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Path = readonly (string | number)[];

/** What is put into an example, and where. */
export interface Filling {
  readonly path: Path;
  readonly kind: string;
  /** How many copies of the thing at most. */
  readonly most: number;
}

interface Room {
  readonly bytes: number;
  readonly most: number;
}

/** As many copies as fit, with commas between them. */
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

const times = (text: string, { bytes, most }: Room): string => text.repeat(Math.max(0, Math.min(most, Math.floor(bytes / text.length))));

/** Values that take the place of any other. */
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

/** Members that are added to an object. */
const members: Readonly<Record<string, (room: Room) => string>> = {
  'unknown fields': (room) => copies(room, (index) => `"k${index}":1`),
  'misspelt fields': (room) => copies(room, (index) => `"${['nam', 'epohcs', 'webhok', 'kernelSiz'][index % 4]}${index.toString(36)}":1`),
  'unknown fields with slashes': (room) => copies(room, (index) => `"~/${index}":1`),
  'one long unknown field': (room) => `"${times('k', { ...room, bytes: room.bytes - 4 })}":1`,
  'long unknown fields': (room) => copies(room, (index) => `"${index}${'k'.repeat(99)}":1`),
};

/** Every kind. Those that add members to an object have no effect elsewhere. */
export const kinds: readonly string[] = ['copies of its first element', ...Object.keys(values), ...Object.keys(members)];

/** The places of an example, the whole of it first. */
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

/** The text of an example with fillings. Those within another one are left out. @param bytes the size of the body at most */
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
