// Tests which tensors fit a network, which changes make tensors fit, and the errors for tensors that do not fit.
import { encodeWeights, Generator, loadWeights, NonFiniteWeightsError } from '@trainyard/engine';
import { decodeSafetensors, encodeSafetensors, fitWeights } from '@trainyard/engine/formats';
import { buildModel, layerSchema } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { weightFile } from '../../support/weightFiles/index.ts';
import { digits, eventsOf, run } from './runs.ts';

const wanted = [
  { name: '0.weight', shape: [3, 4] },
  { name: '0.bias', shape: [3] },
  { name: '1.running_mean', shape: [3] },
  { name: '1.num_batches_tracked', shape: [] },
];
const named = (prefix: string) => wanted.map(({ name, shape }) => ({ name: prefix + name, shape, isWhole: name.endsWith('tracked') }));

describe('tensors fit', () => {
  test('with the same names and shapes', () => {
    expect(fitWeights(wanted, named(''))).toEqual({ mismatches: [], prefix: '', missingCounters: [] });
  });

  test('with the prefix "module." before all names, which is then removed', () => {
    expect(fitWeights(wanted, named('module.'))).toEqual({ mismatches: [], prefix: 'module.', missingCounters: [] });
  });

  test('without changes if the network itself has a layer named module', () => {
    const inModule = named('module.').map(({ name, shape }) => ({ name, shape }));
    expect(fitWeights(inModule, named('module.'))).toMatchObject({ mismatches: [], prefix: '' });
  });

  test('without a counter, which is then set to 0', () => {
    const given = named('').slice(0, 3);
    expect(fitWeights(wanted, given)).toEqual({ mismatches: [], prefix: '', missingCounters: ['1.num_batches_tracked'] });
  });
});

describe('tensors do not fit', () => {
  test.for([
    ['with the prefix before some of the names', [named('module.')[0], ...named('').slice(1)], '3 of 4 tensors match'],
    ['with another prefix', named('backbone.'), '0 of 4 tensors match'],
    ['without a weight', named('').slice(1), '3 of 4 tensors match'],
    ['with whole numbers in place of weights', named('').map((tensor) => ({ ...tensor, isWhole: true })), '1 of 4 tensors match'],
    ['with an extra tensor', [...named(''), { name: 'more', shape: [1] }], '4 of 4 tensors match'],
    ['if the file has no tensors', [], '0 of 4 tensors match'],
  ] as const)('%s', ([, given, summary]) => {
    expect(fitWeights(wanted, given).mismatches[0]).toBe(summary);
  });

  test('and the error shows the nearest names of the same shape', () => {
    const given = [
      { name: 'fc1.weight', shape: [3, 4] },
      { name: 'fc1.bias', shape: [3] },
      { name: 'bn.running_mean', shape: [3] },
    ];
    expect(fitWeights(wanted, given).mismatches).toEqual([
      '0 of 4 tensors match',
      '"0.weight" [3, 4] is missing; the nearest that was given is "fc1.weight" [3, 4]',
      '"0.bias" [3] is missing; the nearest that was given is "fc1.bias" [3]',
      '"1.running_mean" [3] is missing; the nearest that was given is "bn.running_mean" [3]',
      '"fc1.weight" is not in the model; the model\'s nearest is "0.weight" [3, 4]',
      '"fc1.bias" is not in the model; the model\'s nearest is "0.bias" [3]',
      '"bn.running_mean" is not in the model; the model\'s nearest is "1.running_mean" [3]',
    ]);
  });

  test('and the error describes the first fifty of many differences', () => {
    const many = Array.from({ length: 122 }, (_, i) => ({ name: `${i}.weight`, shape: [2] }));
    const others = Array.from({ length: 122 }, (_, i) => ({ name: `layer${i}.weight`, shape: [2] }));
    const { mismatches } = fitWeights(many, others);
    expect(mismatches[0]).toBe('0 of 122 tensors match; the first 50 of 244 differences follow');
    expect(mismatches).toHaveLength(51);
    expect(mismatches[1]).toBe('"0.weight" [2] is missing; the nearest that was given is "layer0.weight" [2]');
  });
});

describe('loading weights', () => {
  const layers = [
    layerSchema.parse({ type: 'conv2d', outChannels: 2, kernelSize: 3 }),
    layerSchema.parse({ type: 'batchNorm2d' }),
    layerSchema.parse({ type: 'flatten' }),
    layerSchema.parse({ type: 'linear', outFeatures: 2 }),
  ];
  const model = () => buildModel(layers, [1, 4, 4], new Generator(1));

  test('sets a missing counter to 0 and reports this', () => {
    const to = model();
    const counter = new Map(to.namedBuffers()).get('1.num_batches_tracked');
    counter?.storage.fill(7);
    const notes = loadWeights(to, weightFile('uncounted.safetensors'));
    expect(notes).toEqual(['initial weights: 1.num_batches_tracked is missing and counts as 0']);
    expect(Array.from(counter?.storage ?? [])).toEqual([0]);
    const { tensors } = decodeSafetensors(encodeWeights(to).bytes);
    const given = new Map(decodeSafetensors(weightFile('uncounted.safetensors')).tensors.map(({ name, data }) => [name, data]));
    for (const { name, data } of tensors) expect(data).toEqual(given.get(name) ?? BigInt64Array.of(0n));
  });

  test('removes the prefix of DataParallel and reports this', () => {
    const [plain, prefixed] = [model(), model()];
    const { tensors } = decodeSafetensors(weightFile('uncounted.safetensors'));
    loadWeights(plain, tensors);
    const notes = loadWeights(
      prefixed,
      tensors.map((tensor) => ({ ...tensor, name: `module.${tensor.name}` })),
    );
    expect(notes[0]).toBe('initial weights: the prefix "module." was removed from all names');
    expect(encodeWeights(prefixed).tensorBytes).toEqual(encodeWeights(plain).tensorBytes);
  });

  test('logs the changes before the training', async () => {
    const trained = await run(digits);
    const { tensors } = decodeSafetensors(trained.weights);
    const prefixed = encodeSafetensors(tensors.map((tensor) => ({ ...tensor, name: `module.${tensor.name}` }))).bytes;
    const still = { ...digits, epochs: 1, optimizer: { type: 'sgd', learningRate: 0 } };
    const { events, result } = await run(still, { initialWeights: prefixed });
    const message = 'initial weights: the prefix "module." was removed from all names';
    expect(eventsOf(events, 'log')).toEqual([{ type: 'log', level: 'info', message }]);
    expect(events.findIndex(({ type }) => type === 'log')).toBeLessThan(events.findIndex(({ type }) => type === 'step'));
    expect(result.weightsSha256).toBe(trained.result.weightsSha256);
  });

  test('that are not finite is refused before the first step, with the tensor and the index', async () => {
    const { weights } = await run(digits);
    const broken = weights.slice();
    broken.fill(0xff, broken.length - 4);
    await expect(run(digits, { initialWeights: broken })).rejects.toThrow(NonFiniteWeightsError);
    await expect(run(digits, { initialWeights: broken })).rejects.toThrow(/the number at index \d+ of "[\w.]+" is NaN/);
  });
});
