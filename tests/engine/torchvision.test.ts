// Compares the presets of torchvision with torchvision: from the same weights, they compute the same outputs, gradients and statistics.
import { crossEntropy, encodeWeights, fromFlat, Generator, indices, loadWeights, type Module } from '@trainyard/engine';
import { decodeSafetensors } from '@trainyard/engine/formats';
import { buildModel, catalog, checkSpec, layerSchema, type PresetName, torchvisionNames, type WeightNames } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import {
  batch,
  classes,
  noise,
  seededTargets,
  seededWeights,
  type Shown,
  side,
  shownOf,
  torchvisionResults,
} from '../support/torchvision/seeded.ts';

const presets = Object.keys(torchvisionResults) as PresetName[];

/** Builds the network for 10 classes, without dropout. */
function network(preset: PresetName): Module {
  const { spec } = checkSpec({
    seed: 0,
    data: { dataset: 'random', inputShape: [3, side, side], targetShape: [classes], samples: batch },
    model: { preset },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd' },
    epochs: 1,
  });
  const layers = spec.model.layers.map((layer) => (layer.type === 'dropout' ? layerSchema.parse({ ...layer, p: 0 }) : layer));
  return buildModel(layers, [3, side, side], new Generator(0));
}

function namesOf(preset: PresetName): WeightNames {
  const names = torchvisionNames({ preset });
  if (names === null) throw new Error(`${preset} has no names in torchvision`);
  return names;
}

/** The largest difference of two lists of numbers, as a share of `largest`. */
function difference(computed: Shown, expected: Shown, largest: number): number {
  const differences = expected.values.map((value, index) => Math.abs(value - (computed.values[index] ?? NaN)));
  return Math.max(Math.abs(computed.max - expected.max), ...differences) / largest;
}

/**
 * The largest allowed error of the outputs, as a share of the largest output. In training mode PyTorch's own float32 is off by up to 1e-5
 * here, because the last batch norms see only 32 values of each channel.
 */
const allowed = { evaluation: 1e-5, training: 3e-5 } as const;

/**
 * The largest allowed error of a gradient, as a share of the network's largest gradient. Rounding can change the sign of a value in front of a
 * rectifier, and thus whether the value takes part in the gradients.
 */
const allowedGradient = 0.01;

test('the presets of torchvision are those that the catalog lists', () => {
  const known = catalog().presets.map(({ type }) => type as PresetName);
  expect(known.filter((preset) => torchvisionNames({ preset }) !== null)).toEqual(presets);
});

describe.each(presets)('%s', (preset) => {
  const expected = torchvisionResults[preset];

  test("has the tensors of torchvision's network, and each name leads to the other", () => {
    const names = namesOf(preset);
    const { tensors } = decodeSafetensors(encodeWeights(network(preset)).bytes);
    const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [names.toTorchvision(name), shape]));
    expect(shapes).toEqual(expected.tensors);
    for (const { name } of tensors) expect(names.toOurs(names.toTorchvision(name))).toBe(name);
    const parameters = network(preset).parameters();
    expect(parameters.reduce((sum, { size }) => sum + size, 0)).toBe(expected.parameters);
  });

  test.each(['evaluation', 'training'] as const)('computes the outputs and gradients of torchvision in %s mode', (mode) => {
    const names = namesOf(preset);
    const model = network(preset);
    expect(loadWeights(model, seededWeights(expected), { names })).toEqual([
      "initial weights: the names of torchvision were replaced by the model's names",
    ]);
    const { outputs, loss, gradients } = expected[mode];
    model.train(mode === 'training');
    const output = model.forward(fromFlat(Float32Array.from(noise(9999, batch * 3 * side * side)), [batch, 3, side, side]));
    const wanted = shownOf(outputs.flat(), Infinity);
    expect(difference(shownOf(output.values, Infinity), wanted, wanted.max)).toBeLessThan(allowed[mode]);

    const error = crossEntropy(output, indices(seededTargets()));
    expect(Math.abs(error.item() - loss)).toBeLessThan(1e-5 * loss);
    error.backward();
    const largest = Math.max(...Object.values(gradients).map(({ max }) => max));
    for (const [name, { grad }] of model.namedParameters()) {
      const gradient = gradients[names.toTorchvision(name)];
      const own = shownOf(grad?.values ?? [], gradient.values.length);
      expect(difference(own, gradient, largest), name).toBeLessThan(allowedGradient);
    }
    if (mode === 'evaluation') return;
    for (const [name, { values }] of model.namedBuffers().filter(([name]) => name.includes('running'))) {
      const statistic = expected.statistics[names.toTorchvision(name)];
      expect(difference(shownOf(values, statistic.values.length), statistic, statistic.max), name).toBeLessThan(1e-5);
    }
  });
});
