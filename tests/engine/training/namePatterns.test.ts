// Patterns over names of weights: which weights they match, and the error for a pattern that matches none.
import { describe, expect, it } from 'vitest';
import { describeUnmatched, matchNames, unmatchedPatterns } from '../../../packages/engine/src/training/namePatterns.ts';

const names = [
  'conv1.weight',
  'bn1.weight',
  'bn1.running_mean',
  'layer1.0.conv1.weight',
  'layer1.1.conv1.weight',
  'layer10.weight',
  'fc.bias',
];
const matched = (pattern: string): string[] => matchNames([pattern], names).flatMap((set) => [...set]);

describe('a pattern over names of weights', () => {
  it('matches a weight by its whole name', () => {
    expect(matched('fc.bias')).toEqual(['fc.bias']);
    expect(matched('bias')).toEqual([]);
    expect(matched('fc.bia')).toEqual([]);
  });

  it('matches all weights of a layer whose whole name fits, at any depth', () => {
    expect(matched('bn1')).toEqual(['bn1.weight', 'bn1.running_mean']);
    expect(matched('layer1')).toEqual(['layer1.0.conv1.weight', 'layer1.1.conv1.weight']);
    expect(matched('layer1.1')).toEqual(['layer1.1.conv1.weight']);
  });

  it('takes * for any characters, also for dots and for none', () => {
    expect(matched('layer1.*')).toEqual(['layer1.0.conv1.weight', 'layer1.1.conv1.weight']);
    expect(matched('layer1*')).toEqual(['layer1.0.conv1.weight', 'layer1.1.conv1.weight', 'layer10.weight']);
    expect(matched('*conv1.weight')).toEqual(['conv1.weight', 'layer1.0.conv1.weight', 'layer1.1.conv1.weight']);
    expect(matched('*.0.*1')).toEqual(['layer1.0.conv1.weight']);
    expect(matched('*')).toEqual(names);
    expect(matched('fc**.bias')).toEqual(['fc.bias']);
  });

  it('does not let two parts of the pattern overlap in the name', () => {
    expect(matchNames(['ab*ba'], ['aba'])[0].size).toBe(0);
    expect(matchNames(['ab*ba'], ['abba'])[0].size).toBe(1);
    expect(matchNames(['a*b*b'], ['ab'])[0].size).toBe(0);
  });

  it('takes all other characters as they are', () => {
    expect(matchNames(['a?c', 'a.c', '[ab]c', '(a|b)+'], ['abc', 'bc', 'aab']).map((set) => set.size)).toEqual([0, 0, 0, 0]);
    expect(matchNames(['[ab]c'], ['[ab]c.weight'])[0].size).toBe(1);
  });

  it('reports the weights of each pattern in the order of the model', () => {
    expect(matchNames(['fc', 'b*'], names).map((set) => [...set])).toEqual([['fc.bias'], ['bn1.weight', 'bn1.running_mean']]);
  });
});

describe('the message for a pattern that matches nothing', () => {
  it('has the nearest names, of layers and of weights', () => {
    expect(describeUnmatched('layr1.*', names)).toBe(
      '"layr1.*" matches no weight of the model: the nearest names are "layer1", "layer10", "layer1.0"',
    );
    expect(describeUnmatched('fc.bais', names)).toMatch(/^"fc\.bais" matches no weight of the model: the nearest names are "fc\.bias"/);
  });

  it('has the nearest names for the first three patterns of a list, because comparing names takes time', () => {
    const patterns = ['fc', 'a', 'b', 'c', 'd'];
    const unmatched = unmatchedPatterns(patterns, matchNames(patterns, names), names);
    expect(unmatched.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
    expect(unmatched.map(({ message }) => message.includes('nearest'))).toEqual([true, true, true, false]);
    expect(unmatched[3].message).toBe('"d" matches no weight of the model');
  });

  it('says so if the model has no weights', () => {
    expect(describeUnmatched('fc', [])).toBe('"fc" matches no weight of the model: the model has no weights');
  });
});
