// The trials of a sweep: their values, which are the same for the same seed, and their specs, as changes to the base spec. Whether a spec
// is valid with these values is checked elsewhere.
import type { SweepRange, SweepSpace, SweepStrategy } from '@trainyard/contracts';
import { Generator } from '@trainyard/engine';
import { SpecError } from '@trainyard/engine/spec';

/** A value for each place of a space. */
export type TrialValues = Readonly<Record<string, unknown>>;

/**
 * Returns the trials that a sweep begins with.
 * @throws SpecError if the space does not fit the strategy, with pointers such as `/space/~1epochs`
 */
export function planTrials(space: SweepSpace, strategy: SweepStrategy, maxJobs: number, seed: number): TrialValues[] {
  const places = Object.entries(space);
  for (const [place, range] of places) {
    if (range.type === 'choice' || range.min <= range.max) continue;
    throw problem(placeInSpace(place), `min ${range.min} is more than max ${range.max}`);
  }
  if (strategy.type === 'grid') return grid(places, maxJobs);
  const generator = new Generator(seed);
  return Array.from({ length: maxJobs }, () =>
    Object.fromEntries(places.map(([place, range]) => [place, draw(range, generator.random() / 2 ** 32)])),
  );
}

function grid(places: readonly (readonly [string, SweepRange])[], maxJobs: number): TrialValues[] {
  const lists = places.map(([place, range]) => [place, enumerable(place, range)] as const);
  const count = lists.reduce((product, [, values]) => product * values.length, 1);
  if (count > maxJobs)
    throw problem('/space', `the grid has ${count} combinations, more than maxJobs ${maxJobs}: raise maxJobs or use fewer values`);
  return lists.reduce<TrialValues[]>(
    (trials, [place, values]) => trials.flatMap((trial) => values.map((value) => ({ ...trial, [place]: value }))),
    [{}],
  );
}

function enumerable(place: string, range: SweepRange): readonly unknown[] {
  if (range.type === 'choice') return range.values;
  if (range.type !== 'int') throw problem(`${placeInSpace(place)}/type`, `a grid allows only choice and int, got "${range.type}"`);
  const count = range.max - range.min + 1;
  if (count > 1_000) throw problem(placeInSpace(place), `${count} values are too many for a grid: use at most 1000`);
  return Array.from({ length: count }, (_, index) => range.min + index);
}

/** Returns a value of the range. @param fraction a random number in [0, 1) */
function draw(range: SweepRange, fraction: number): unknown {
  switch (range.type) {
    case 'choice':
      return range.values[Math.floor(fraction * range.values.length)];
    case 'int':
      return range.min + Math.floor(fraction * (range.max - range.min + 1));
    case 'uniform':
      return short(range.min + fraction * (range.max - range.min));
    case 'logUniform':
      return short(Math.exp(Math.log(range.min) + fraction * (Math.log(range.max) - Math.log(range.min))));
  }
}

/** Returns about how many bytes the values of the trials take as JSON. Values that trials share are measured once. */
export function valuesBytes(trials: readonly TrialValues[]): number {
  const known = new Map<unknown, number>();
  const bytesOf = (value: unknown): number => {
    const bytes = known.get(value) ?? Buffer.byteLength(JSON.stringify(value));
    known.set(value, bytes);
    return bytes;
  };
  return trials.reduce(
    (sum, values) => sum + Object.entries(values).reduce((own, [place, value]) => own + place.length + bytesOf(value), 0),
    0,
  );
}

/** Rounds to 10 digits, because implementations of the logarithm may differ in the last digits. */
function short(value: number): number {
  return Number(value.toPrecision(10));
}

/** Returns a copy of a base spec with the trial's values in their places. @throws SpecError if the spec has no such place */
export function withValues(base: Readonly<Record<string, unknown>>, values: TrialValues): Record<string, unknown> {
  const spec = structuredClone(base) as Record<string, unknown>;
  for (const [place, value] of Object.entries(values)) put(spec, place, value);
  return spec;
}

function put(spec: Record<string, unknown>, place: string, value: unknown): void {
  const steps = place
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop();
  if (!place.startsWith('/') || last === undefined)
    throw problem(placeInSpace(place), 'must be a JSON pointer into the spec, such as "/optimizer/learningRate"');
  let holder: unknown = spec;
  for (const step of steps) holder = child(holder, step);
  if (Array.isArray(holder) && /^\d{1,6}$/.test(last) && Number(last) < holder.length) holder[Number(last)] = value;
  else if (isObject(holder) && last !== '__proto__') holder[last] = value;
  else throw problem(placeInSpace(place), 'names no place in the spec: check each part of the path');
}

function child(holder: unknown, step: string): unknown {
  if (Array.isArray(holder)) return /^\d{1,6}$/.test(step) ? holder[Number(step)] : undefined;
  return isObject(holder) && Object.hasOwn(holder, step) ? holder[step] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the JSON pointer in the body of a sweep to a place of its space. */
export function placeInSpace(place: string): string {
  return `/space/${place.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function problem(path: string, message: string): SpecError {
  return new SpecError([{ path, message, code: 'invalidValue' }]);
}

/** The path of a changed value, as the parts of its JSON pointer, and the new value. Without a value, the change removes it. */
export type Change = readonly [path: readonly string[], value?: unknown];

/** Returns the changes that turn the JSON value `from` into `to`. A property with the value `undefined` counts as absent. */
export function changesBetween(from: unknown, to: unknown): Change[] {
  const changes: Change[] = [];
  collect(from, to, [], changes);
  return changes;
}

/** @param path the path of both values. It is changed during the call and restored at its end. */
function collect(from: unknown, to: unknown, path: string[], changes: Change[]): void {
  if (from === to) return;
  if (!isContainer(from) || !isContainer(to) || !areAlike(from, to)) {
    changes.push([[...path], to]);
    return;
  }
  for (const step of Object.keys(from)) {
    if (at(from, step) !== undefined && at(to, step) === undefined) changes.push([[...path, step]]);
  }
  for (const step of Object.keys(to)) {
    const value = at(to, step);
    if (value === undefined) continue;
    path.push(step);
    collect(at(from, step), value, path, changes);
    path.pop();
  }
}

/** Returns `from` with the changes applied. `from` itself is not changed; unchanged parts are shared with it. */
export function withChanges(from: unknown, changes: readonly Change[]): unknown {
  const copies = new Set<object>();
  const ownCopy = (value: unknown): Record<string, unknown> => {
    if (!isContainer(value)) throw new TypeError('a change names a place that the spec does not have');
    if (copies.has(value)) return value;
    const copy: object = Array.isArray(value) ? [...(value as unknown[])] : { ...value };
    copies.add(copy);
    return copy as Record<string, unknown>;
  };
  let root = from;
  for (const [path, ...values] of changes) {
    const last = path.at(-1);
    if (last === undefined) {
      root = values[0];
      continue;
    }
    let holder = ownCopy(root);
    root = holder;
    for (const step of path.slice(0, -1)) {
      const inner = ownCopy(at(holder, step));
      setProperty(holder, step, inner);
      holder = inner;
    }
    if (values.length === 0) delete holder[last];
    else setProperty(holder, last, values[0]);
  }
  return root;
}

/** Reads an own property. Inherited ones are ignored, because labels of a spec may have names such as `constructor`. */
function at(holder: Record<string, unknown>, step: string): unknown {
  return Object.hasOwn(holder, step) ? holder[step] : undefined;
}

function setProperty(holder: Record<string, unknown>, step: string, value: unknown): void {
  Object.defineProperty(holder, step, { value, writable: true, enumerable: true, configurable: true });
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether the values can be compared element by element: two objects, or two arrays of the same length. */
function areAlike(from: object, to: object): boolean {
  if (Array.isArray(from) || Array.isArray(to)) return Array.isArray(from) && Array.isArray(to) && from.length === to.length;
  return true;
}
