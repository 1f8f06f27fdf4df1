// The differences between two specs, so that a sweep stores its base spec once and, of each trial, only what differs from it.

/** A place, as the steps of its JSON pointer, and its new value. Without a value, the place is removed. */
export type Change = readonly [path: readonly string[], value?: unknown];

/** The changes that turn one JSON value into another. A property that is `undefined` counts as absent. */
export function changesBetween(from: unknown, to: unknown): Change[] {
  const changes: Change[] = [];
  collect(from, to, [], changes);
  return changes;
}

/** @param path where both are; left as it was */
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

/** The spec after the changes. What did not change is shared with the one given, which stays as it is. */
export function withChanges(from: unknown, changes: readonly Change[]): unknown {
  const copies = new Set<object>();
  const ownCopy = (value: unknown): Record<string, unknown> => {
    if (!isContainer(value)) throw new TypeError('a change of a spec leads nowhere');
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
      put(holder, step, inner);
      holder = inner;
    }
    if (values.length === 0) delete holder[last];
    else put(holder, last, values[0]);
  }
  return root;
}

/** An own property: a spec may have names such as `constructor` among its labels. */
function at(holder: Record<string, unknown>, step: string): unknown {
  return Object.hasOwn(holder, step) ? holder[step] : undefined;
}

function put(holder: Record<string, unknown>, step: string, value: unknown): void {
  Object.defineProperty(holder, step, { value, writable: true, enumerable: true, configurable: true });
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Two objects, or two arrays of the same length. Their elements are then compared one by one. */
function areAlike(from: object, to: object): boolean {
  if (Array.isArray(from) || Array.isArray(to)) return Array.isArray(from) && Array.isArray(to) && from.length === to.length;
  return true;
}
