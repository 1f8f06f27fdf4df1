// Tests how samples of a split are read: bytes become pixels as in PyTorch, values stay unchanged, and only existing samples can be read.
import { describe, expect, test } from 'vitest';
import { type Dataset, gather, inputAt, take } from '../../../packages/engine/src/data/dataset.ts';
import { sha256 } from '../../support/sha256.ts';

const pictures: Dataset = {
  length: 3,
  inputShape: [1, 2, 2],
  inputs: Uint8Array.from([0, 1, 2, 3, 50, 100, 150, 200, 252, 253, 254, 255]),
  target: { kind: 'class', classes: ['a', 'b', 'c'] },
  targets: Uint8Array.from([2, 0, 1]),
};
const curves: Dataset = {
  length: 2,
  inputShape: [3],
  inputs: Float32Array.from([1, 2, 3, -4, -5, -6]),
  target: { kind: 'values', shape: [2] },
  targets: Float32Array.from([10, 20, 30, 40]),
};

describe('gather', () => {
  test('reads every byte as PyTorch reads it with .float() / 255', () => {
    const bytes: Dataset = {
      ...pictures,
      length: 1,
      inputShape: [256],
      inputs: Uint8Array.from({ length: 256 }, (_, i) => i),
      targets: Uint8Array.of(0),
    };
    const out = new Float32Array(256);
    inputAt(bytes, 0, out, 0);
    // Of torch.arange(256, dtype=torch.uint8).float() / 255.
    expect(sha256(out)).toBe('010413efe9fc4438fee48de66c4d09f377b28af6a9fe2522201e8c1dbb831fc8');
  });

  test('returns the samples in the requested order, also repeatedly', () => {
    const inputs = new Uint8Array(12);
    const targets = new Int32Array(3);
    gather(pictures, Int32Array.of(2, 0, 2), inputs, targets);
    expect([...inputs.subarray(4, 8)]).toEqual([0, 1, 2, 3]);
    expect([...inputs.subarray(8)]).toEqual([...inputs.subarray(0, 4)]);
    expect([...targets]).toEqual([1, 2, 1]);
  });

  test.each([
    [8, 0],
    [24, 0],
    [24, 3],
    [13, 0],
  ])('copies pixels byte for byte: %d a sample, from byte %d of their memory on', (size, offset) => {
    const all = Uint8Array.from({ length: 5 * size }, (_, i) => (i * 7 + 3) % 256);
    const inputs = new Uint8Array(new SharedArrayBuffer(5 * size + offset), offset);
    inputs.set(all);
    const dataset: Dataset = { ...pictures, length: 5, inputShape: [size], inputs, targets: new Uint8Array(5) };
    const out = new Uint8Array(4 * size);
    gather(dataset, Uint32Array.of(4, 1, 1, 0), out, new Int32Array(4));
    expect([...out]).toEqual([4, 1, 1, 0].flatMap((sample) => [...all.subarray(sample * size, (sample + 1) * size)]));
  });

  test('copies values as they are', () => {
    const inputs = new Float32Array(6);
    const targets = new Float32Array(4);
    gather(curves, Uint32Array.of(1, 0), inputs, targets);
    expect([...inputs]).toEqual([-4, -5, -6, 1, 2, 3]);
    expect([...targets]).toEqual([30, 40, 10, 20]);
  });

  test.each([3, -1])('refuses sample %d of three', (sample) => {
    expect(() => gather(pictures, Int32Array.of(0, sample), new Uint8Array(8), new Int32Array(2))).toThrow(
      `sample ${sample} does not exist: the dataset has 3`,
    );
  });
});

describe('take', () => {
  test('gives the first samples without copying', () => {
    const first = take(curves, 1);
    expect(first).toMatchObject({ length: 1, inputShape: [3], target: curves.target });
    expect([...first.inputs]).toEqual([1, 2, 3]);
    expect([...first.targets]).toEqual([10, 20]);
    expect(first.inputs.buffer).toBe(curves.inputs.buffer);
  });

  test('gives all samples if more are requested', () => {
    expect(take(pictures, 100)).toBe(pictures);
  });
});
