// A dataset that somebody brought: its id in a spec stands for arrays that are kept as one NPZ file (../npz.ts). What is known
// of it travels in the spec as `content`, which whoever checks a spec fills in, so that a job can be described, trained again
// and written down as a script without asking anyone. Who may use which id is not known here.
import { z } from 'zod';
import { ArgumentError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import type { Problem } from '../../validation.ts';
import { type Splits, take } from '../dataset.ts';
import { type DatasetDefinition, firstOf, limitOptions, splitOption } from '../define.ts';
import { DatasetUnavailableError } from '../errors.ts';
import { loaderOptions } from '../loader.ts';
import { pythonReadNpz, readNpz } from '../npz.ts';
import { tablePreparation } from '../table/preparation.ts';
import { pythonSplit, splitOff, testSamplesOf } from '../split.ts';

const sizes = z.array(z.int().min(1)).min(1).max(8).readonly();

/** Of a dataset in a store, and of a job's own data. */
export const uploadedContent = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')
      .describe('Of the NPZ file'),
    inputType: z.enum(['uint8', 'float32']).describe('Pixels, which are read as x / 255, or values'),
    inputShape: sizes.describe("One sample's, before transforms"),
    classes: z.array(z.string()).readonly().nullable().describe('Their names; null where targets are values'),
    targetShape: sizes.nullable().describe("One target's; null where targets are classes"),
    trainSamples: z.int().min(1),
    testSamples: z.int().min(0).describe('0 without a test part'),
    table: tablePreparation.optional(),
  })
  .describe('What the dataset holds; filled in for you. In a spec that is posted again it has to be what the dataset holds');
export type UploadedContent = z.output<typeof uploadedContent>;

/** Contents by id: the datasets that a spec may name. */
export type UploadedDatasets = ReadonlyMap<string, UploadedContent>;

/** `ds_` and a ULID: opaque, and sorted by creation. */
export const uploadedDatasetId = z
  .string()
  .regex(/^ds_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of a dataset, such as ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5');

const description = 'An uploaded dataset, by its id';

/** A spec's `data` as it may be posted. */
export const uploadedSchema = z
  .strictObject({
    dataset: uploadedDatasetId.describe(description),
    content: uploadedContent.optional(),
    ...limitOptions,
    ...splitOption,
    ...loaderOptions,
  })
  .describe(description);

/** The same in a checked spec. */
export const storedUploadedSchema = uploadedSchema.extend({ content: uploadedContent });
export type UploadedData = z.output<typeof storedUploadedSchema>;

export const isUploaded = (dataset: unknown): boolean => typeof dataset === 'string' && dataset.startsWith('ds_');

/** The folder and the name under which a dataset's file is asked for. */
export const UPLOADED_FILE = 'dataset.npz';

/** Fills in what is known of the dataset, or says why it cannot be used so; paths begin at the job spec. */
export function resolveUploaded(data: z.output<typeof uploadedSchema>, known: UploadedDatasets): UploadedData | Problem {
  const { dataset, testSplit } = data;
  const content = known.get(dataset);
  if (content === undefined) {
    const message = `unknown dataset "${dataset}": nothing was uploaded under this id, it was deleted, or it is not yours`;
    return { path: '/data/dataset', message, code: 'unknownDataset' };
  }
  if (data.content !== undefined && data.content.sha256 !== content.sha256) {
    const message = `the dataset's content is ${content.sha256}, not ${data.content.sha256}: leave it out to use what is there`;
    return { path: '/data/content/sha256', message, code: 'invalidValue' };
  }
  const { testSamples } = content;
  if (testSplit !== undefined && testSamples > 0) {
    const message = `the dataset has a test part of ${testSamples} samples: leave testSplit out`;
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

/** @throws ArgumentError for a spec that nobody has checked. */
function resolved(data: { readonly dataset: string }): UploadedData {
  if (!isResolved(data)) throw new ArgumentError(`what ${data.dataset} holds is not known: check the spec before it is used`);
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
      throw new DatasetUnavailableError(`${dataset}/${UPLOADED_FILE} is nowhere: save there what the export of the dataset gives`);
    }
    const whole = readNpz({ name: `${dataset}/${UPLOADED_FILE}`, bytes }, content);
    const { train, test } = testSplit === undefined ? whole : splitOff(whole.train, testSplit);
    return { train: take(train, trainLimit), test: test === null ? null : take(test, testLimit) };
  },
};
