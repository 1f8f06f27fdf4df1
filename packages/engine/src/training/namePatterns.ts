// Patterns over the names of weights, as a spec gives them: globs in which `*` stands for any characters, also for dots. A pattern matches a
// weight if it matches the weight's whole name, or the whole name of a layer that holds the weight.
import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { printable, show } from '../validation.ts';

/** The most characters of a pattern. */
const MOST_CHARACTERS = 200;
/** The most patterns of a list. Together with the length of a pattern it bounds the time of the matching. */
const MOST_PATTERNS = 32;
/** The most names that are compared with a pattern that matches nothing, and the most characters of each, because comparing takes time. */
const MOST_COMPARED = 500;
const COMPARED_CHARACTERS = 100;
/** The most patterns of a list for which the nearest names are searched. */
const MOST_EXPLAINED = 3;
/** The number of names that an error message shows. */
const SHOWN_NAMES = 3;

/** The schema of one pattern. */
export const namePattern = z
  .string()
  .min(1)
  .max(MOST_CHARACTERS)
  .regex(printable, 'must not have control characters')
  .describe('A pattern over the names of weights, or of layers that hold them. `*` stands for any characters, also for dots');

/** The schema of a list of patterns. */
export const namePatterns = z.array(namePattern).min(1).max(MOST_PATTERNS);

/**
 * Returns the names of all that holds a weight, from the outside to the inside, and last the weight's own name: `3`, `3.layers`,
 * `3.layers.0`, `3.layers.0.weight`.
 */
function holdersOf(name: string): string[] {
  const holders: string[] = [];
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) holders.push(name.slice(0, dot));
  return [...holders, name];
}

/**
 * Returns whether the whole text fits the pattern. Each part between two `*` is searched once, from where the part before it ended. So the
 * time is at most proportional to the length of the text times the length of the pattern.
 */
function fits(parts: readonly string[], text: string): boolean {
  const [first] = parts;
  if (parts.length === 1) return text === first;
  const last = parts[parts.length - 1];
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let from = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const at = text.indexOf(parts[i], from);
    if (at === -1) return false;
    from = at + parts[i].length;
  }
  return from <= text.length - last.length;
}

/**
 * Returns, for each pattern, the names of the weights that it matches, in the order of `names`.
 * @param names the names of all weights, such as `layer1.0.conv1.weight`
 */
export function matchNames(patterns: readonly string[], names: readonly string[]): readonly ReadonlySet<string>[] {
  const indices = new Map<string, number[]>();
  names.forEach((name, index) => {
    for (const holder of holdersOf(name)) {
      const others = indices.get(holder);
      if (others === undefined) indices.set(holder, [index]);
      else others.push(index);
    }
  });
  const holders = [...indices];
  return patterns.map((pattern) => {
    const parts = pattern.split('*');
    const matched = new Set<number>();
    for (const [holder, held] of holders) if (fits(parts, holder)) for (const index of held) matched.add(index);
    return new Set([...matched].toSorted((a, b) => a - b).map((index) => names[index]));
  });
}

/** A pattern of a list that matches no weight: its index in the list, and the error message. */
export interface Unmatched {
  readonly index: number;
  readonly message: string;
}

/**
 * Returns the patterns of a list that match no weight. The messages of the first three have the nearest names.
 * @param matched the result of {@link matchNames} for the list
 * @param names the names of all weights
 */
export function unmatchedPatterns(
  patterns: readonly string[],
  matched: readonly ReadonlySet<string>[],
  names: readonly string[],
): readonly Unmatched[] {
  const unmatched = patterns.flatMap((pattern, index) => (matched[index].size === 0 ? [{ index, pattern }] : []));
  return unmatched.map(({ index, pattern }, nth) => ({
    index,
    message: nth < MOST_EXPLAINED ? describeUnmatched(pattern, names) : unmatchedBy(pattern),
  }));
}

const unmatchedBy = (pattern: string): string => `${show(pattern)} matches no weight of the model`;

/**
 * Returns the error message for a pattern that matches no weight. It has the names, of weights or of layers, that are most similar.
 * @param names the names of all weights
 */
export function describeUnmatched(pattern: string, names: readonly string[]): string {
  const text = pattern.replaceAll('*', '').replace(/\.$/, '');
  const candidates = [...new Set(names.flatMap(holdersOf))].slice(0, MOST_COMPARED);
  const near = candidates
    .map((name) => ({ name, far: distance(text.slice(0, COMPARED_CHARACTERS), name.slice(0, COMPARED_CHARACTERS)) }))
    .toSorted((a, b) => a.far - b.far)
    .slice(0, SHOWN_NAMES);
  const hint = near.length === 0 ? 'the model has no weights' : `the nearest names are ${near.map(({ name }) => show(name)).join(', ')}`;
  return `${unmatchedBy(pattern)}: ${hint}`;
}
