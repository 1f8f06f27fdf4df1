// Chooses tensors of a file by the patterns of `initialWeights`: first `exclude`, then `include`. The renames come before.
import type { WeightNames } from '../nn/presets/torchvisionNames.ts';
import type { Unmatched } from './fitNotes.ts';
import { matchNames } from './namePatterns.ts';

/** The patterns of `initialWeights`. An omitted list has no effect. */
export interface WeightPatterns {
  readonly exclude?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
}

export interface SelectedNames {
  /** The names that are neither excluded nor left out by `include`. */
  readonly names: ReadonlySet<string>;
  /** The patterns that match no name. */
  readonly unmatched: readonly Unmatched[];
}

/**
 * Applies the patterns to the names of a file. For a preset of torchvision, a pattern may match either name of a weight.
 * @param weightNames the two names of each weight of the model; null if they have only one
 */
export function selectWeights(
  { exclude, include }: WeightPatterns,
  names: readonly string[],
  weightNames: WeightNames | null,
): SelectedNames {
  const excluded = matchAny(exclude ?? [], names, weightNames);
  const remaining = names.filter((name) => !excluded.matched.has(name));
  const included = matchAny(include ?? [], remaining, weightNames);
  return {
    names: new Set(include === undefined ? remaining : remaining.filter((name) => included.matched.has(name))),
    unmatched: [
      ...excluded.unmatched.map((pattern) => ['exclude', pattern] as const),
      ...included.unmatched.map((pattern) => ['include', pattern] as const),
    ],
  };
}

/** Returns the names that at least one pattern matches, and the patterns that match none. */
function matchAny(
  patterns: readonly string[],
  names: readonly string[],
  weightNames: WeightNames | null,
): { readonly matched: ReadonlySet<string>; readonly unmatched: readonly string[] } {
  const aliases = (name: string): string[] =>
    weightNames === null ? [name] : [name, weightNames.toOurs(name), weightNames.toTorchvision(name)];
  const found = matchNames(patterns, [...new Set(names.flatMap(aliases))]);
  return {
    matched: new Set(names.filter((name) => aliases(name).some((alias) => found.some((matches) => matches.has(alias))))),
    unmatched: patterns.filter((_, index) => found[index]?.size === 0),
  };
}
