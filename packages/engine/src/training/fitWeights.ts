// Checks whether given tensors fit a network, by names and shapes. The result is what must be changed to make them fit, or what is wrong,
// with the nearest names. fitNotes.ts describes the changes.
import { distance } from 'fastest-levenshtein';
import { isCounter } from '../formats/elementTypes.ts';
import type { WeightNames } from '../nn/presets/torchvisionNames.ts';
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

export interface FitOptions {
  /** The names of the network's weights in torchvision, if it is a preset of torchvision. Then the given names may be these. */
  readonly names?: WeightNames | null;
  /** Whether tensors of the network may be missing, if at least one is given. Default: false. */
  readonly allowMissing?: boolean;
}

export interface WeightsFit {
  /** How many tensors match, then one sentence for each that does not. Empty when all fit. */
  readonly mismatches: readonly string[];
  /** The prefix to remove from every given name. Empty if the names fit as they are. */
  readonly prefix: string;
  /** Missing counters, which are set to 0. */
  readonly missingCounters: readonly string[];
  /** True if the given names are torchvision's. Omitted if they are ours. */
  readonly isTorchvision?: true;
  /** The names of the network's tensors that are missing, if this is allowed. They keep their values. Omitted if there are none. */
  readonly kept?: readonly string[];
}

/** The prefix that PyTorch's DataParallel adds to every name. */
export const PARALLEL_PREFIX = 'module.';
/** Most tensors that a mismatch describes. Its first sentence has the total. */
const MOST_DESCRIBED = 50;
/** Most names that are compared with a missing one, because comparing takes time. */
const MOST_COMPARED = 1000;

/** Returns the prefix `module.` if all names have it, otherwise ''. */
export function commonPrefix(given: readonly { readonly name: string }[]): string {
  return given.length > 0 && given.every(({ name }) => name.startsWith(PARALLEL_PREFIX)) ? PARALLEL_PREFIX : '';
}

/** Compares the given tensors with the tensors that a network needs. */
export function fitWeights(wanted: readonly NamedShape[], given: readonly GivenShape[], options: FitOptions = {}): WeightsFit {
  const { names = null, allowMissing = false } = options;
  const asTheyAre = compareNames(wanted, given, names);
  const prefix = commonPrefix(given);
  const removed =
    prefix === '' || asTheyAre.known > 0
      ? asTheyAre
      : compareNames(
          wanted,
          given.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) })),
          names,
        );
  const isRemoved = removed !== asTheyAre && removed.known > 0;
  const compared = isRemoved ? removed : asTheyAre;
  const { missingCounters, missing } = compared;
  const toOurs = (name: string): string => (compared.isTorchvision ? (names?.toOurs(name) ?? name) : name);
  return {
    mismatches: describe(wanted, compared, allowMissing),
    prefix: isRemoved ? prefix : '',
    missingCounters: missingCounters.map(toOurs),
    ...(compared.isTorchvision && { isTorchvision: true }),
    ...(allowMissing && missing.length > 0 && { kept: missing.map(({ name }) => toOurs(name)) }),
  };
}

/** Returns only {@link WeightsFit.mismatches}. */
export const weightMismatches = (wanted: readonly NamedShape[], given: readonly GivenShape[]): readonly string[] =>
  fitWeights(wanted, given).mismatches;

/** Returns the function that gives a tensor of a file the name that it has in the network. */
export function fittedName(
  { prefix, isTorchvision }: Pick<WeightsFit, 'prefix' | 'isTorchvision'>,
  names: WeightNames | null = null,
): (name: string) => string {
  return (name) => {
    const bare = name.slice(prefix.length);
    return isTorchvision === true && names !== null ? names.toOurs(bare) : bare;
  };
}

interface Comparison {
  /** The number of given tensors that have a name of the network. */
  readonly known: number;
  /** The number of the network's tensors that fit. */
  readonly matching: number;
  /** The network's tensors that do not fit, in the network's order. Each has a sentence about what is wrong, or null if it is missing. */
  readonly wrong: readonly (readonly [NamedShape, string | null])[];
  /** The network's tensors that are missing. Counters are not included. */
  readonly missing: readonly NamedShape[];
  readonly missingCounters: readonly string[];
  readonly unknown: readonly GivenShape[];
  /** Whether the network's tensors were compared by torchvision's names. */
  readonly isTorchvision: boolean;
}

/**
 * Compares by our names and by torchvision's, and returns the comparison in which more names are known. If none is known in both, the names
 * are compared with torchvision's, because a file with names of its own is rarely from here.
 */
function compareNames(wanted: readonly NamedShape[], given: readonly GivenShape[], names: WeightNames | null): Comparison {
  const ours = compare(wanted, given);
  if (names === null) return { ...ours, isTorchvision: false };
  const theirs = compare(
    wanted.map((tensor) => ({ ...tensor, name: names.toTorchvision(tensor.name) })),
    given,
  );
  const isTorchvision = theirs.known > ours.known || ours.known === 0;
  return { ...(isTorchvision ? theirs : ours), isTorchvision };
}

function compare(wanted: readonly NamedShape[], given: readonly GivenShape[]): Omit<Comparison, 'isTorchvision'> {
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
  const missing = wrong.flatMap(([tensor, difference]) => (difference === null ? [tensor] : []));
  return { known: given.length - unknown.length, matching, wrong, missing, missingCounters, unknown };
}

/** Returns what is wrong with a tensor of the right name; null if it fits. */
function differenceOf({ name, shape }: NamedShape, found: GivenShape): string | null {
  if (!sameShape(found.shape, shape)) return `"${name}" has shape ${formatShape(found.shape)}, the model's has ${formatShape(shape)}`;
  if (found.isWhole === undefined || found.isWhole === isCounter(name)) return null;
  return `"${name}" holds ${found.isWhole ? 'whole numbers' : 'floats'}: store it as ${isCounter(name) ? 'I64' : 'F32'}`;
}

/** Returns the mismatches. @param allowMissing whether missing tensors are no mismatches, if at least one tensor matches */
function describe({ length }: readonly NamedShape[], found: Comparison, allowMissing: boolean): readonly string[] {
  const { matching, missing, unknown } = found;
  const wrong = allowMissing && matching > 0 ? found.wrong.filter(([, difference]) => difference !== null) : found.wrong;
  const count = wrong.length + unknown.length;
  if (count === 0) return [];
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
  return [`${matching} of ${length} tensors match${rest}`, ...described];
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
