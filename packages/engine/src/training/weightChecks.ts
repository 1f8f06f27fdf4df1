// Checks the parts of a spec that name weights of its network: the frozen weights. Patterns are matched against the names of the network that
// the spec describes.
import type { Problem } from '../errors.ts';
import { findOptimizer } from '../optim/index.ts';
import type { LayerSummary } from '../nn/layers/index.ts';
import { pointer } from '../validation.ts';
import type { JobSpec } from './jobSpec.ts';
import { matchNames, unmatchedPatterns } from './namePatterns.ts';
import type { Trained } from './summary.ts';
import { outlineWeights, type WeightsOutline } from './weightsOutline.ts';

/**
 * Returns what a spec trains, and adds the problems of its patterns.
 * @param layers the summaries of its layers. Their parameters are within the limit, because the network is built to know its names
 */
export function checkTrained(spec: JobSpec, layers: readonly LayerSummary[], problems: Problem[]): Trained {
  const { optimizer, freeze } = spec;
  const stateArrays = findOptimizer(optimizer.type).stateArrays(optimizer);
  if (freeze === undefined) return { byLayer: layers.map(({ parameters }) => parameters), stateValues: stateArrays * sumOf(layers) };
  const outline = outlineWeights(spec);
  checkFreeze(freeze, outline, problems);
  const trained = outline.trainedByLayer.reduce((sum, count) => sum + count, 0);
  return { byLayer: outline.trainedByLayer, stateValues: stateArrays * trained };
}

const sumOf = (layers: readonly LayerSummary[]): number => layers.reduce((sum, { parameters }) => sum + parameters, 0);

function checkFreeze(freeze: readonly string[], { names, trained }: WeightsOutline, problems: Problem[]): void {
  for (const { index, message } of unmatchedPatterns(freeze, matchNames(freeze, names), names)) {
    problems.push({ path: pointer(['freeze', index]), message, code: 'unknownWeight' });
  }
  if (trained.size > 0 || names.length === 0) return;
  problems.push({
    path: '/freeze',
    message: 'all weights of the model are frozen, so there is nothing to train: leave out a pattern',
    code: 'nothingToLearn',
  });
}
