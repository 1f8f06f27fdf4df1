// Patterns over the names of the weights of a preset. A pattern may match our names or torchvision's: here patterns over torchvision's names
// become names of ours, so that everything else needs to know only ours.
import { torchvisionNames } from '../nn/presets/index.ts';
import type { JobSpec } from './jobSpec.ts';
import { matchNames } from './namePatterns.ts';
import type { GroupPatterns } from './parameterGroups.ts';

/** Returns all names that a pattern may match: those of the model, and torchvision's if the model is a preset of torchvision. */
export function namesForPatterns(model: JobSpec['model'], names: readonly string[]): readonly string[] {
  const weightNames = torchvisionNames(model);
  return weightNames === null ? names : [...new Set([...names, ...names.map((name) => weightNames.toTorchvision(name))])];
}

/**
 * Returns patterns that match the same weights by our names alone. A pattern that matches more weights by torchvision's names is followed by
 * our names of these weights.
 * @param names our names of all weights of the model
 */
export function inOurNames(model: JobSpec['model'], patterns: readonly string[], names: readonly string[]): readonly string[] {
  const weightNames = torchvisionNames(model);
  if (weightNames === null) return patterns;
  const ours = matchNames(patterns, names);
  const theirs = matchNames(
    patterns,
    names.map((name) => weightNames.toTorchvision(name)),
  );
  return patterns.flatMap((pattern, index) => {
    const more = [...theirs[index]].map((name) => weightNames.toOurs(name)).filter((name) => !ours[index].has(name));
    return ours[index].size === 0 && more.length > 0 ? more : [pattern, ...more];
  });
}

/**
 * Returns the patterns of the groups of a spec's optimizer over our names alone.
 * @param names our names of all weights of the model
 */
export function groupPatterns({ model, optimizer }: Pick<JobSpec, 'model' | 'optimizer'>, names: readonly string[]): GroupPatterns {
  return (optimizer.groups ?? []).map(({ layers }) => {
    const patterns = inOurNames(model, [layers], names);
    return patterns.length === 1 ? patterns[0] : patterns;
  });
}
