// Checks whether given tensors fit a network, by names and shapes. The result is what must be changed to make them fit, or what is wrong,
// with the nearest names.
import { distance } from 'fastest-levenshtein';
import { isCounter } from '../formats/elementTypes.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';

/** The name and the shape of a tensor, without its values. */
export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/** The name and the shape of a tensor in the given file. */
export interface GivenShape extends NamedShape {
  /** Whether its values are whole numbers. Counters must have them, other tensors must not. If omitted, this is not checked. */
  readonly isWhole?: boolean;
}

export interface WeightsFit {
  /** How many tensors match, then one sentence for each that does not. Empty when all fit. */
  readonly mismatches: readonly string[];
  /** The prefix to remove from every given name. Empty if the names fit as they are. */
  readonly prefix: string;
  /** Missing counters, which are set to 0. */
  readonly missingCounters: readonly string[];
}

/** The prefix that PyTorch's DataParallel adds to every name. */
const PARALLEL_PREFIX = 'module.';
/** The metadata key of a file whose names had a prefix. */
const REMOVED_PREFIX = 'removedPrefix';
/** Most tensors that a mismatch describes. Its first sentence has the total. */
const MOST_DESCRIBED = 50;
/** Most names that are compared with a missing one, because comparing takes time. */
const MOST_COMPARED = 1000;

/** Returns the prefix `module.` if all names have it, otherwise ''. */
export function commonPrefix(given: readonly { readonly name: string }[]): string {
  return given.length > 0 && given.every(({ name }) => name.startsWith(PARALLEL_PREFIX)) ? PARALLEL_PREFIX : '';
}

/** Compares the given tensors with the tensors that a network needs. */
export function fitWeights(wanted: readonly NamedShape[], given: readonly GivenShape[]): WeightsFit {
  const asTheyAre = compare(wanted, given);
  const prefix = commonPrefix(given);
  if (prefix === '' || asTheyAre.known > 0) return { ...describe(wanted, asTheyAre), prefix: '' };
  const removed = compare(
    wanted,
    given.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) })),
  );
  return removed.known === 0 ? { ...describe(wanted, asTheyAre), prefix: '' } : { ...describe(wanted, removed), prefix };
}

/** Returns only {@link WeightsFit.mismatches}. */
export const weightMismatches = (wanted: readonly NamedShape[], given: readonly GivenShape[]): readonly string[] =>
  fitWeights(wanted, given).mismatches;

/** Returns the log lines about the changes that made the weights fit. */
export function notesOfFit({ prefix, missingCounters }: Pick<WeightsFit, 'prefix' | 'missingCounters'>): string[] {
  const notes = prefix === '' ? [] : [`initial weights: the prefix "${prefix}" was removed from all names`];
  if (missingCounters.length > 0) {
    notes.push(
      `initial weights: ${missingCounters.join(', ')} ${missingCounters.length === 1 ? 'is missing and counts' : 'are missing and count'} as 0`,
    );
  }
  return notes;
}

/** Returns the metadata that records a removed prefix in a file. {@link notesOfRenamed} reads it. */
export const metadataOfRenamed = (prefix: string): Record<string, string> => ({ [REMOVED_PREFIX]: prefix });

/** Returns the log lines about a prefix that was removed from the tensor names before the file was stored. */
export function notesOfRenamed(metadata: Readonly<Record<string, string>>): string[] {
  return metadata[REMOVED_PREFIX] === PARALLEL_PREFIX ? notesOfFit({ prefix: PARALLEL_PREFIX, missingCounters: [] }) : [];
}

interface Comparison {
  /** The number of given tensors that have a name of the network. */
  readonly known: number;
  /** The number of the network's tensors that fit. */
  readonly matching: number;
  /** The network's tensors that do not fit, in the network's order. Each has a sentence about what is wrong, or null if it is missing. */
  readonly wrong: readonly (readonly [NamedShape, string | null])[];
  readonly missingCounters: readonly string[];
  readonly unknown: readonly GivenShape[];
}

function compare(wanted: readonly NamedShape[], given: readonly GivenShape[]): Comparison {
  const byName = new Map(given.map((tensor) => [tensor.name, tensor]));
  const wrong: (readonly [NamedShape, string | null])[] = [];
  const missingCounters: string[] = [];
  for (const tensor of wanted) {
    const found = byName.get(tensor.name);
    if (found === undefined && isCounter(tensor.name)) missingCounters.push(tensor.name);
    else if (found === undefined) wrong.push([tensor, null]);
    else {
      const difference = differenceOf(tensor, found);
      if (difference !== null) wrong.push([tensor, difference]);
    }
  }
  const names = new Set(wanted.map(({ name }) => name));
  const unknown = given.filter(({ name }) => !names.has(name));
  const matching = wanted.length - missingCounters.length - wrong.length;
  return { known: given.length - unknown.length, matching, wrong, missingCounters, unknown };
}

/** Returns what is wrong with a tensor of the right name; null if it fits. */
function differenceOf({ name, shape }: NamedShape, found: GivenShape): string | null {
  if (!sameShape(found.shape, shape)) return `"${name}" has shape ${formatShape(found.shape)}, the model's has ${formatShape(shape)}`;
  if (found.isWhole === undefined || found.isWhole === isCounter(name)) return null;
  return `"${name}" holds ${found.isWhole ? 'whole numbers' : 'floats'}: store it as ${isCounter(name) ? 'I64' : 'F32'}`;
}

function describe({ length }: readonly NamedShape[], found: Comparison): Omit<WeightsFit, 'prefix'> {
  const { matching, wrong, missingCounters, unknown } = found;
  const count = wrong.length + unknown.length;
  if (count === 0) return { mismatches: [], missingCounters };
  const missing = wrong.flatMap(([tensor, difference]) => (difference === null ? [tensor] : []));
  const described = wrong.slice(0, MOST_DESCRIBED).map(([tensor, difference]) => {
    if (difference !== null) return difference;
    const near = nearestTo(tensor, unknown);
    const hint = near === null ? '' : `; the nearest that was given is "${near.name}" ${formatShape(near.shape)}`;
    return `"${tensor.name}" ${formatShape(tensor.shape)} is missing${hint}`;
  });
  for (const tensor of unknown.slice(0, MOST_DESCRIBED - described.length)) {
    const near = nearestTo(tensor, missing);
    const hint = near === null ? '' : `; the model's nearest is "${near.name}" ${formatShape(near.shape)}`;
    described.push(`"${tensor.name}" is not in the model${hint}`);
  }
  const rest = count > described.length ? `; the first ${described.length} of ${count} differences follow` : '';
  return { mismatches: [`${matching} of ${length} tensors match${rest}`, ...described], missingCounters };
}

/** Returns the candidate with the most similar name. If some candidates have the same shape, only these are compared. */
function nearestTo({ name, shape }: NamedShape, candidates: readonly NamedShape[]): NamedShape | null {
  const compared = candidates.slice(0, MOST_COMPARED);
  const alike = compared.filter((candidate) => sameShape(candidate.shape, shape));
  let best: NamedShape | null = null;
  let least = Infinity;
  for (const candidate of alike.length > 0 ? alike : compared) {
    const far = distance(name.slice(0, 200), candidate.name.slice(0, 200));
    if (far < least) [best, least] = [candidate, far];
  }
  return best;
}
