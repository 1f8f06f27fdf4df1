// Checks the parts of a spec that name weights of its network: the frozen weights, and the optimizer's groups. Patterns are matched against
// the names of the network that the spec describes.
import type { Problem } from '../errors.ts';
import { findOptimizer, type OptimizerSpec, optionsOfGroups } from '../optim/index.ts';
import type { LayerSummary } from '../nn/layers/index.ts';
import { pointer, show } from '../validation.ts';
import type { JobSpec } from './jobSpec.ts';
import { matchNames, unmatchedPatterns } from './namePatterns.ts';
import { groupsOfNames, matchGroups } from './parameterGroups.ts';
import { groupPatterns, namesForPatterns } from './presetPatterns.ts';
import type { Trained } from './summary.ts';
import { outlineWeights, type WeightsOutline } from './weightsOutline.ts';

type Patterns = Pick<JobSpec, 'optimizer' | 'freeze'>;

/** Returns a spec without the parts that name weights. */
export function withoutPatterns<Spec extends Patterns>({ freeze: _freeze, ...spec }: Spec): Omit<Spec, 'freeze'> {
  return { ...spec, optimizer: { ...spec.optimizer, groups: undefined } };
}

/**
 * Returns what a spec trains, and adds the problems of its patterns.
 * @param layers the summaries of its layers. Their parameters are within the limit, because the network is built to know its names
 */
export function checkTrained(
  spec: Patterns & Pick<JobSpec, 'data' | 'model'>,
  layers: readonly LayerSummary[],
  problems: Problem[],
): Trained {
  const { optimizer, freeze } = spec;
  if (freeze === undefined && optimizer.groups === undefined) {
    const [stateArrays] = stateArraysOf(optimizer);
    const parameters = layers.map((layer) => layer.parameters);
    return { byLayer: parameters, stateValues: stateArrays * parameters.reduce((sum, count) => sum + count, 0) };
  }
  const outline = outlineWeights(spec);
  if (freeze !== undefined) checkFreeze(freeze, outline, namesForPatterns(spec.model, outline.names), problems);
  checkGroups(spec, outline, problems);
  return { byLayer: outline.trainedByLayer, stateValues: stateValuesOf(spec, outline) };
}

/** Returns, for each group, the number of arrays that the optimizer keeps for each parameter. */
function stateArraysOf(optimizer: OptimizerSpec): number[] {
  return optionsOfGroups(optimizer).map((options) => findOptimizer(optimizer.type).stateArrays(options));
}

/** Returns the number of values that the optimizer keeps for all trained parameters together. */
function stateValuesOf(spec: Pick<JobSpec, 'model' | 'optimizer'>, { names, trained }: WeightsOutline): number {
  const arrays = stateArraysOf(spec.optimizer);
  const sizes = [...trained.values()];
  return groupsOfNames(groupPatterns(spec, names), [...trained.keys()]).reduce((sum, group, at) => sum + arrays[group] * sizes[at], 0);
}

/** @param known the names that a pattern may match */
function checkFreeze(freeze: readonly string[], { names, trained }: WeightsOutline, known: readonly string[], problems: Problem[]): void {
  for (const { index, message } of unmatchedPatterns(freeze, matchNames(freeze, known), known)) {
    problems.push({ path: pointer(['freeze', index]), message, code: 'unknownWeight' });
  }
  if (trained.size > 0 || names.length === 0) return;
  problems.push({
    path: '/freeze',
    message: 'all weights of the model are frozen, so there is nothing to train: leave out a pattern',
    code: 'nothingToLearn',
  });
}

function checkGroups(spec: Pick<JobSpec, 'model' | 'optimizer'>, { names }: WeightsOutline, problems: Problem[]): void {
  const patterns = (spec.optimizer.groups ?? []).map(({ layers }) => layers);
  const matched = matchGroups(groupPatterns(spec, names), names);
  for (const { index, message } of unmatchedPatterns(patterns, matched, namesForPatterns(spec.model, names))) {
    problems.push({ path: pointer(['optimizer', 'groups', index, 'layers']), message, code: 'unknownWeight' });
  }
  const taken = new Set<string>();
  for (const [index, pattern] of patterns.entries()) {
    if (matched[index].size > 0 && [...matched[index]].every((name) => taken.has(name))) {
      problems.push({
        path: pointer(['optimizer', 'groups', index, 'layers']),
        message: `all weights that ${show(pattern)} matches are in earlier groups, and the first group counts: move it up, or remove it`,
        code: 'invalidValue',
      });
    }
    for (const name of matched[index]) taken.add(name);
  }
}
