// Tests uploaded datasets in a spec (options, defaults and splits), and the stored file of a dataset.
import { DataFormatError, type NamedBytes, npzPieces, readNpz } from '@trainyard/engine/data';
import { checkSpec, defaultLimits, type Problem, SpecError } from '@trainyard/engine/spec';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitOff } from '../../../packages/engine/src/data/split.ts';
import { pixelsId, uploadedFiles, uploads, valuesId } from '../../support/uploads.ts';

const { file, content, splits } = uploadedFiles[pixelsId];
const spec = (data: object): object => ({
  data,
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd' },
  epochs: 1,
});
const check = (data: object) => checkSpec(spec(data), defaultLimits, uploads);

function problemsOf(data: object): readonly Problem[] {
  try {
    check(data);
  } catch (error) {
    if (error instanceof SpecError) return error.issues;
    throw error;
  }
  return [];
}

describe('a spec', () => {
  test('is returned with the content of the dataset and can be posted again like this', () => {
    const { spec: checked } = check({ dataset: pixelsId, testSplit: 0.1 });
    expect(checked.data).toMatchObject({ dataset: pixelsId, content, testSplit: 0.1, batchSize: 64, shuffle: true });
    expect(checkSpec(checked, defaultLimits, uploads).spec).toEqual(checked);
  });

  test('counts the classes, samples and bytes of the dataset', () => {
    const [tooLarge] = problemsOf({ dataset: pixelsId, batchSize: 91, dropLast: true });
    expect(tooLarge).toMatchObject({ path: '/data/batchSize' });
    expect(tooLarge?.message).toContain('91 leaves out all 90 training samples');
    expect(problemsOf({ dataset: valuesId })[0]?.path).toMatch(/^\/(loss|model)/);
    const preset = { ...spec({ dataset: pixelsId }), model: { preset: 'resnet8' } };
    expect(checkSpec(preset, defaultLimits, uploads).summary.layers.at(-1)?.outputShape).toEqual([10]);
  });

  test.each([
    [
      'names an id that nothing was uploaded under',
      { dataset: 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D9' },
      '/data/dataset',
      'unknown dataset "ds_01K',
    ],
    ['names what cannot be an id', { dataset: 'ds_1' }, '/data/dataset', ''],
    ['has other content', { dataset: pixelsId, content: { ...content, sha256: '0'.repeat(64) } }, '/data/content/sha256', 'remove content'],
    ['splits what has a test part', { dataset: valuesId, testSplit: 0.2 }, '/data/testSplit', 'has a test part of 12 samples'],
    ['splits off everything', { dataset: pixelsId, testSplit: 1 }, '/data/testSplit', 'must be less than 1'],
    ['has an unknown field', { dataset: pixelsId, testSplits: 0.2 }, '/data/testSplits', 'did you mean "testSplit"?'],
  ])('is refused when it %s', (_, data, path, message) => {
    const problems = problemsOf(data);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0].message).toContain(message);
  });

  test('may not name an uploaded dataset if uploaded datasets are not available', () => {
    expect(() => checkSpec(spec({ dataset: pixelsId }))).toThrow(SpecError);
  });
});

describe('a split', () => {
  test('always has the same samples in their order, and no sample twice', () => {
    const { train, test: tests } = splitOff(splits.train, 0.3);
    expect([train.length, tests?.length]).toEqual([63, 27]);
    const rows = (inputs: ArrayLike<number> = []) =>
      Array.from({ length: inputs.length / 36 }, (_, i) =>
        Array.from(inputs)
          .slice(36 * i, 36 * i + 36)
          .join(),
      );
    const all = rows(splits.train.inputs);
    const numbers = [train, tests].map((part) => rows(part?.inputs).map((row) => all.indexOf(row)));
    for (const part of numbers) expect(part).toEqual(part.toSorted((a, b) => a - b));
    expect(numbers.flat().toSorted((a, b) => a - b)).toEqual([...all.keys()]);
    expect(numbers[1]?.slice(0, 6)).toMatchInlineSnapshot(`
      [
        0,
        9,
        11,
        13,
        16,
        18,
      ]
    `);
    expect(splitOff(splits.train, 0.3)).toEqual({ train, test: tests });
  });

  test('has at least one sample in each part', () => {
    expect(splitOff(splits.train, 1e-9).test?.length).toBe(1);
    expect(splitOff(splits.train, 1 - 1e-9).train.length).toBe(1);
  });
});

describe('its file', () => {
  const named = (bytes: Uint8Array): NamedBytes => ({ name: 'dataset.npz', bytes });

  test.each([pixelsId, valuesId] as const)('of %s is read as it was written, and the same data gives the same bytes', (id) => {
    const upload = uploadedFiles[id];
    expect(readNpz(named(upload.file), upload.content)).toEqual(upload.splits);
    expect(Buffer.concat([...npzPieces(upload.splits)]).equals(upload.file)).toBe(true);
  });

  test('is refused if it belongs to another dataset', () => {
    expect(() => readNpz(named(file), uploadedFiles[valuesId].content)).toThrow('is this the file of another dataset');
    expect(() => readNpz(named(file), { ...content, classes: ['ant'] })).toThrow('is none of the 1 classes');
  });

  test('that is cut off or changed anywhere is read or refused', () => {
    const read = (bytes: Uint8Array): void => {
      try {
        readNpz(named(bytes), content);
      } catch (error) {
        if (!(error instanceof DataFormatError)) throw error;
      }
    };
    for (let end = 0; end < file.length; end += 37) expect(() => readNpz(named(file.slice(0, end)), content)).toThrow(DataFormatError);
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, change) => {
        const bytes = Uint8Array.from(file);
        bytes.set(change.subarray(0, bytes.length - at), at);
        read(bytes);
      }),
      { numRuns: 500 },
    );
  });
});
