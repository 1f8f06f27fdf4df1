// Freezes weights of a network: they get no gradients, so that the optimizer leaves them as they are. weightsOutline.ts computes from a spec
// which weights are trained.
import { BatchNorm } from '../nn/layers/batchNorm.ts';
import type { Module, Parameter } from '../nn/module.ts';
import { matchNames, namePatterns } from './namePatterns.ts';

export const freezeSchema: typeof namePatterns = namePatterns.describe(
  'Patterns over the names of weights that are not trained: `conv1`, `layer1.*`. A pattern matches the whole name of a weight, or of a layer that holds it, and `*` stands for any characters, also for dots. A batch norm that holds such a weight uses its stored statistics in training',
);

/**
 * Freezes weights of a network: parameters that match get no gradients, and a batch norm that holds a weight that matches uses its stored
 * statistics, which then do not change. A batch norm without stored statistics still uses those of the batch.
 * @param patterns globs over the whole names of weights, or of what holds them; `*` crosses dots
 */
export function freezeWeights(model: Module, patterns: readonly string[]): void {
  const names = [...model.namedParameters(), ...model.namedBuffers()].map(([name]) => name);
  const frozen = new Set(matchNames(patterns, names).flatMap((matched) => [...matched]));
  for (const [name, parameter] of model.namedParameters()) if (frozen.has(name)) parameter.requiresGrad = false;
  fixStatistics(model, '', frozen);
}

function fixStatistics(module: Module, prefix: string, frozen: ReadonlySet<string>): void {
  if (module instanceof BatchNorm) {
    const held = [...module.namedParameters(prefix), ...module.namedBuffers(prefix)];
    if (held.some(([name]) => frozen.has(name))) module.usesStoredStatistics = true;
  }
  for (const [name, child] of module.namedChildren()) fixStatistics(child, `${prefix}${name}.`, frozen);
}

/** Returns the parameters of a network that get gradients, with their names, in the order of the model. */
export function trainedParameters(model: Module): [string, Parameter][] {
  return model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
}
