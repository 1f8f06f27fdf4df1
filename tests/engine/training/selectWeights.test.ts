// Tests which tensors of a file are chosen by the patterns of initialWeights, and how the names of torchvision fit its presets.
import { fittedName, fitWeights, selectWeights } from '@trainyard/engine/formats';
import { torchvisionNames } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';

const names = torchvisionNames({ preset: 'resnet18' });
const file = ['conv1.weight', 'layer1.0.conv1.weight', 'layer2.0.downsample.0.weight', 'fc.weight', 'fc.bias'];

const selected = (patterns: Parameters<typeof selectWeights>[0], given = file): string[] => [
  ...selectWeights(patterns, given, names).names,
];

describe('of the tensors of a file', () => {
  test('all are chosen without patterns', () => {
    expect(selected({})).toEqual(file);
  });

  test('those that a pattern of exclude matches are left out', () => {
    expect(selected({ exclude: ['fc.*'] })).toEqual(file.slice(0, 3));
    expect(selected({ exclude: ['fc'] })).toEqual(file.slice(0, 3));
  });

  test('only those that a pattern of include matches are chosen', () => {
    expect(selected({ include: ['layer*', 'conv1'] })).toEqual(file.slice(0, 3));
  });

  test('those are left out that a pattern of both lists matches, because exclude comes first', () => {
    expect(selectWeights({ exclude: ['layer1'], include: ['layer*', 'layer1.0.conv1.weight'] }, file, names)).toEqual({
      names: new Set(['layer2.0.downsample.0.weight']),
      unmatched: [['include', 'layer1.0.conv1.weight']],
    });
  });

  test('those of a preset of torchvision are matched by both of their names', () => {
    expect(selected({ include: ['layer1_0.layers'] })).toEqual(['layer1.0.conv1.weight']);
    expect(selected({ include: ['layer1.0'] }, ['layer1_0.layers.conv1.weight', 'fc.bias'])).toEqual(['layer1_0.layers.conv1.weight']);
  });

  test('patterns that match nothing are reported', () => {
    expect(selectWeights({ exclude: ['head.*', 'fc'] }, file, names).unmatched).toEqual([['exclude', 'head.*']]);
  });
});

describe('tensors with the names of torchvision', () => {
  const wanted = [
    { name: 'layer2_0.shortcut.downsample_0.weight', shape: [4] },
    { name: 'fc.weight', shape: [2] },
  ];
  const given = [
    { name: 'layer2.0.downsample.0.weight', shape: [4] },
    { name: 'fc.weight', shape: [2] },
  ];

  test('fit the preset, also with the prefix "module."', () => {
    const fit = fitWeights(wanted, given, { names });
    expect(fit).toEqual({ mismatches: [], prefix: '', missingCounters: [], isTorchvision: true });
    expect(given.map(({ name }) => fittedName(fit, names)(name))).toEqual(wanted.map(({ name }) => name));
    const prefixed = given.map((tensor) => ({ ...tensor, name: `module.${tensor.name}` }));
    const parallel = fitWeights(wanted, prefixed, { names });
    expect(parallel).toMatchObject({ mismatches: [], prefix: 'module.', isTorchvision: true });
    expect(prefixed.map(({ name }) => fittedName(parallel, names)(name))).toEqual(wanted.map(({ name }) => name));
  });

  test('do not fit another model', () => {
    expect(fitWeights(wanted, given).mismatches[0]).toBe('1 of 2 tensors match');
  });

  test('that are misspelt are compared with the names of torchvision', () => {
    const misspelt = given.map(({ shape, name }) => ({ name: `backbone.${name}`, shape }));
    expect(fitWeights(wanted, misspelt, { names }).mismatches).toEqual([
      '0 of 2 tensors match',
      '"layer2.0.downsample.0.weight" [4] is missing; the nearest that was given is "backbone.layer2.0.downsample.0.weight" [4]',
      '"fc.weight" [2] is missing; the nearest that was given is "backbone.fc.weight" [2]',
      '"backbone.layer2.0.downsample.0.weight" is not in the model; the model\'s nearest is "layer2.0.downsample.0.weight" [4]',
      '"backbone.fc.weight" is not in the model; the model\'s nearest is "fc.weight" [2]',
    ]);
  });
});

describe('missing tensors', () => {
  const wanted = [
    { name: '0.weight', shape: [3] },
    { name: '1.weight', shape: [2] },
  ];

  test('are allowed with allowMissing, and are listed', () => {
    expect(fitWeights(wanted, [wanted[0]], { allowMissing: true })).toEqual({
      mismatches: [],
      prefix: '',
      missingCounters: [],
      kept: ['1.weight'],
    });
  });

  test('are not allowed without it, or if no tensor is given', () => {
    expect(fitWeights(wanted, [wanted[0]]).mismatches).toEqual(['1 of 2 tensors match', '"1.weight" [2] is missing']);
    expect(fitWeights(wanted, [], { allowMissing: true }).mismatches[0]).toBe('0 of 2 tensors match');
  });

  test('do not excuse a wrong shape or an unknown name', () => {
    const given = [wanted[0], { name: '1.weight', shape: [5] }, { name: '2.weight', shape: [2] }];
    expect(fitWeights(wanted, given, { allowMissing: true }).mismatches).toEqual([
      '1 of 2 tensors match',
      '"1.weight" has shape [5], the model\'s has [2]',
      '"2.weight" is not in the model',
    ]);
  });
});
