// Finds where the specs of several jobs differ.
import { pointer } from '@trainyard/engine/spec';

/** Fields of a spec that say nothing about the training. */
const withoutEffect = new Set(['name', 'labels']);

/** For each spec: its values at the JSON pointers where not all specs are equal. null where a spec has no value. */
export type Differences = readonly Readonly<Record<string, unknown>>[];

/**
 * Compares specs. Lists of the same length are compared element by element, and other lists as a whole. Names and labels are not compared.
 * @param pause is awaited between two comparisons, because specs can be long
 */
export async function specDifferences(specs: readonly object[], pause: () => Promise<void>): Promise<Differences> {
  const found: Record<string, unknown>[] = specs.map(() => ({}));
  const compared = specs.map((spec) => Object.fromEntries(Object.entries(spec).filter(([field]) => !withoutEffect.has(field))));
  for (const { path, values } of differencesOf(compared, [])) {
    if (values !== undefined) for (const [at, value] of values.entries()) (found[at] ?? {})[pointer(path)] = value ?? null;
    await pause();
  }
  return found;
}

interface Compared {
  readonly path: readonly string[];
  /** The values of the specs, if they differ. */
  readonly values?: readonly unknown[];
}

/** Compares values and, if all are objects or lists of the same length, their parts. Yields each pair of path and values once. */
function* differencesOf(values: readonly unknown[], path: readonly string[]): Generator<Compared, void, void> {
  const [first] = values;
  if (values.every((value) => value === first)) return yield { path };
  if (!areAlike(values)) return yield { path, values };
  const steps = new Set(values.flatMap((value) => Object.keys(value)));
  for (const step of steps) {
    yield* differencesOf(
      values.map((value) => Reflect.get(value, step) as unknown),
      [...path, step],
    );
  }
  return undefined;
}

/** Returns whether all values are lists of the same length, or all are objects that are no lists. */
function areAlike(values: readonly unknown[]): values is readonly object[] {
  const [first] = values;
  if (Array.isArray(first)) return values.every((value) => Array.isArray(value) && value.length === first.length);
  return values.every((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
}
