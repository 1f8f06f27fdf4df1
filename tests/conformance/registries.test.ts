// That nothing of the registries is unproven: each layer, loss, optimizer and scheduler has cases among the project's own PyTorch
// answers, or, where PyTorch has no numbers to compare with, gradients by finite differences. The tables say which.
import { Generator, optim, randn, ReferenceBackend, withBackend } from '@trainyard/engine';
import { buildModel, layerDefinitions, layerSchema, lossDefinitions, schedulerDefinitions } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { checkLeafGradients } from '../support/checkGradients.ts';
import { layerSamples } from '../support/layerSamples.ts';
import { readOwnConformance } from './conformanceDir.ts';
import { layers, losses, optimizers, schedulers } from './counterparts.ts';

/** Names of the cases in the project's own copy, whatever set is being run. */
function namesIn(file: string): ReadonlySet<unknown> {
  const cases = readOwnConformance<Record<string, unknown>[]>(file);
  return new Set(cases.map(({ op, optimizer, scheduler }) => op ?? optimizer ?? scheduler));
}

/** Options with which a layer without a counterpart does something; its sample has them otherwise. */
const options: Readonly<Record<string, object>> = { dropout: { p: 0.4 }, dropout2d: { p: 0.4 } };

function checkLayer(type: string): void {
  const sample = layerSamples[type];
  expect(sample, `the layer ${type} has no sample`).toBeDefined();
  withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
    const generator = new Generator(7);
    const model = buildModel([layerSchema.parse({ type, ...sample.options, ...options[type] })], sample.input, generator);
    const batch = randn([2, ...sample.input], { requiresGrad: true, generator });
    const compute = () => {
      generator.manualSeed(9);
      return model.forward(batch);
    };
    checkLeafGradients(compute, [batch, ...model.parameters()], new Generator(8));
  });
}

describe.each([
  { kind: 'layer', file: 'ops.json', counterparts: layers, definitions: layerDefinitions, check: checkLayer },
  { kind: 'loss', file: 'losses.json', counterparts: losses, definitions: lossDefinitions, check: null },
  { kind: 'optimizer', file: 'optimizers.json', counterparts: optimizers, definitions: optim.optimizerDefinitions, check: null },
  { kind: 'scheduler', file: 'schedulers.json', counterparts: schedulers, definitions: schedulerDefinitions, check: null },
])('every $kind', ({ kind, file, counterparts, definitions, check }) => {
  const names = namesIn(file);

  test.each(definitions.map(({ type }) => type))(`is proven: %s`, (type) => {
    const counterpart = counterparts[type];
    expect(counterpart, `the ${kind} ${type} is in no table: say what PyTorch calls it in ${file}`).not.toBeUndefined();
    if (counterpart !== null) expect(names, `${file} has no case of the ${kind} ${type}`).toContain(counterpart);
    else if (check === null) expect.fail(`the ${kind} ${type} has no counterpart in PyTorch: check it by finite differences here`);
    else check(type);
  });

  test('is in the tables only if it exists', () => {
    expect(Object.keys(counterparts).toSorted()).toEqual(definitions.map(({ type }) => type).toSorted());
  });
});
