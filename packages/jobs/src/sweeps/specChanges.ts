// Finds and applies the differences between two specs. A sweep stores its base spec once and, for each trial, only the differences.

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

/** Reads an own property. Inherited ones are ignored, because labels of a spec may have names such as `constructor`. */
function at(holder: Record<string, unknown>, step: string): unknown {
  return Object.hasOwn(holder, step) ? holder[step] : undefined;
}

function put(holder: Record<string, unknown>, step: string, value: unknown): void {
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
