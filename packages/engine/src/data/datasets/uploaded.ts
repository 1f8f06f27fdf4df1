// An uploaded dataset. A spec names it by its id, and its arrays are stored in one NPZ file (../npz.ts). Checking a spec fills in
// `content`, so that a job can be described, repeated and exported without the dataset's record. The caller decides which ids a user may
// name.
import { z } from 'zod';
import { ArgumentError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import type { Problem } from '../../errors.ts';
import { type Splits, take } from '../dataset.ts';
import { type DatasetDefinition, firstOf, limitOptions, splitOption } from '../define.ts';
import { DatasetUnavailableError } from '../errors.ts';
import { loaderOptions } from '../loader.ts';
import { checkedSampling } from '../sampling.ts';
import { pythonReadNpz, readNpz } from '../npz.ts';
import { pythonSplit, splitOff, testSamplesOf } from '../split.ts';
import { type UploadedContent, uploadedContent } from '../uploadedContent.ts';

/** The contents of the datasets that a spec may name, by id. */
export type UploadedDatasets = ReadonlyMap<string, UploadedContent>;

/** The id of an uploaded dataset: `ds_` and a ULID. Ids sort by time of creation. */
export const uploadedDatasetId = z
  .string()
  .regex(/^ds_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of a dataset, such as ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5');

const description = 'An uploaded dataset, by its id';

/** The fields of `data` in a posted spec. */
const uploadedOptions = {
  dataset: uploadedDatasetId.describe(description),
  content: uploadedContent.optional(),
  ...limitOptions,
  ...splitOption,
  ...loaderOptions,
};

/** The schema of `data` in a posted spec. */
export const uploadedSchema = checkedSampling(z.strictObject(uploadedOptions)).describe(description);

/** The schema of `data` in a checked spec. */
export const storedUploadedSchema = checkedSampling(z.strictObject({ ...uploadedOptions, content: uploadedContent })).describe(description);
export type UploadedData = z.output<typeof storedUploadedSchema>;

export const isUploaded = (dataset: unknown): boolean => typeof dataset === 'string' && dataset.startsWith('ds_');

/** The name of a dataset's file in its folder. */
export const UPLOADED_FILE = 'dataset.npz';

/** Fills in the content of the dataset, or returns the problem with its path in the job spec. */
export function resolveUploaded(data: z.output<typeof uploadedSchema>, known: UploadedDatasets): UploadedData | Problem {
  const { dataset, testSplit } = data;
  const content = known.get(dataset);
  if (content === undefined) {
    const message = `unknown dataset "${dataset}": nothing was uploaded under this id, it was deleted, or it is not yours`;
    return { path: '/data/dataset', message, code: 'unknownDataset' };
  }
  if (data.content !== undefined && data.content.sha256 !== content.sha256) {
    const message = `the content of the dataset has the SHA-256 ${content.sha256}, not ${data.content.sha256}: remove content from the spec to use the dataset as it is now`;
    return { path: '/data/content/sha256', message, code: 'invalidValue' };
  }
  const { testSamples } = content;
  if (testSplit !== undefined && testSamples > 0) {
    const message = `the dataset has a test part of ${testSamples} samples: remove testSplit`;
    return { path: '/data/testSplit', message, code: 'invalidValue' };
  }
  return { ...data, content };
}

function counts({ content, testSplit, trainLimit = Infinity, testLimit = Infinity }: UploadedData) {
  const tests = testSplit === undefined ? content.testSamples : testSamplesOf(content.trainSamples, testSplit);
  const trains = testSplit === undefined ? content.trainSamples : content.trainSamples - tests;
  return { trainSamples: Math.min(trainLimit, trains), testSamples: Math.min(testLimit, tests) };
}

function bytesPerSample({ inputType, inputShape, targetShape }: UploadedContent): number {
  return sizeOf(inputShape) * (inputType === 'uint8' ? 1 : 4) + 4 * (targetShape === null ? 1 : sizeOf(targetShape));
}

const isResolved = (data: { readonly dataset: string }): data is UploadedData => 'content' in data && data.content !== undefined;

/** Returns the data of a checked spec. @throws ArgumentError if the spec was not checked */
function resolved(data: { readonly dataset: string }): UploadedData {
  if (!isResolved(data))
    throw new ArgumentError(`the content of ${data.dataset} is not known: check the spec with checkSpec before you use it`);
  return data;
}

export const uploaded: DatasetDefinition = {
  name: 'ds_…',
  title: 'Uploaded',
  description,
  schema: uploadedSchema,
  describe(options) {
    const data = resolved(options);
    const { content } = data;
    return {
      inputShape: content.inputShape,
      inputType: content.inputType,
      target:
        content.classes === null ? { kind: 'values', shape: content.targetShape ?? [1] } : { kind: 'class', classes: content.classes },
      ...counts(data),
      bytesPerSample: bytesPerSample(content),
    };
  },
  pytorch(options) {
    const data = resolved(options);
    const { content, dataset, testSplit, trainLimit, testLimit } = data;
    const pixels = content.inputType === 'uint8' ? ' / 255' : '';
    const targets = content.classes === null ? 'float' : 'long';
    const samples = (part: string, rows: string) => [
      `read("${part}_inputs")${rows}.float()${pixels}`,
      `read("${part}_targets")${rows}.${targets}()`,
    ];
    const hasTest = content.testSamples > 0 || testSplit !== undefined;
    const rows = { train: firstOf(trainLimit), test: firstOf(testLimit) };
    const split =
      testSplit === undefined
        ? []
        : [`train_rows, test_rows = split(${content.trainSamples}, ${testSamplesOf(content.trainSamples, testSplit)})`];
    const [train, test] =
      testSplit === undefined
        ? [samples('train', rows.train), samples('test', rows.test)]
        : [samples('train', `[train_rows]${rows.train}`), samples('train', `[test_rows]${rows.test}`)];
    return {
      imports: ['numpy as np'],
      readsFiles: true,
      functions: `${pythonReadNpz(dataset, UPLOADED_FILE)}${testSplit === undefined ? '' : `\n${pythonSplit}`}`,
      load: [
        ...split,
        `inputs = ${train[0]}`,
        `targets = ${train[1]}`,
        ...(hasTest ? [`test_inputs = ${test[0]}`, `test_targets = ${test[1]}`] : []),
        '',
      ].join('\n'),
    };
  },
  async load(options, context): Promise<Splits> {
    const data = resolved(options);
    const { dataset, content, testSplit, trainLimit = Infinity, testLimit = Infinity } = data;
    const bytes = await context.files.find(dataset, UPLOADED_FILE, context);
    if (bytes === null) {
      throw new DatasetUnavailableError(`${dataset}/${UPLOADED_FILE} is missing: export the dataset and save the file there`);
    }
    const whole = readNpz({ name: `${dataset}/${UPLOADED_FILE}`, bytes }, content);
    const { train, test } = testSplit === undefined ? whole : splitOff(whole.train, testSplit);
    return { train: take(train, trainLimit), test: test === null ? null : take(test, testLimit) };
  },
};
