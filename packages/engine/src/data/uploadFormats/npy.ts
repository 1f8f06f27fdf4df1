// Reads NumPy arrays: a pair of NPY files, or an NPZ file with both arrays.
import { z } from 'zod';
import type { Filled } from '../../registry.ts';
import type { Dataset } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import { npyDataset } from '../npyDataset.ts';
import { layouts } from '../npyInputs.ts';
import { defineUploadFormat, readHalves, type UploadContext } from './define.ts';
import { targetKind } from './fields.ts';
import { npzPairs } from './npzArrays.ts';
import { pairOf } from './parts.ts';

const options = {
  layout: z
    .enum(layouts)
    .optional()
    .describe(
      'For arrays of images: `channelsFirst` for [samples, channels, rows, columns], `channelsLast` for [samples, rows, columns, channels]. Default: `channelsFirst`; if the shape looks different, the upload is refused',
    ),
  targetKind,
};

export const npy = defineUploadFormat({
  name: 'npy',
  title: 'NPY arrays',
  rank: 3,
  file: { shown: 'an .npz', description: 'an .npz of arrays' },
  pair: 'NPY',
  options,
  detection: { fileKinds: ['npz'], pairKinds: ['npy'] },
  async read(upload, context) {
    const archives = await npzPairs(upload, context.report);
    if (archives === undefined) return { train: undefined, test: undefined };
    return await readHalves(
      context,
      async (names) => {
        const pair = names.file === 'file' ? archives.train : archives.test;
        if (pair !== null) return withNames(await datasetOf(pair.inputs, pair.targets, context), archives.classes);
        const files = await pairOf(upload, names);
        return files === null ? null : await datasetOf(...files, context);
      },
      ({ file, inputs }) => (archives.train === null ? inputs : file),
    );
  },
});

async function datasetOf(
  x: NamedBytes,
  y: NamedBytes,
  { options: given, reader, report }: UploadContext<Filled<typeof options>>,
): Promise<Dataset> {
  if (given.targetKind === 'labels') {
    throw new DataFormatError('targetKind=labels is only for tables: send class or value', { place: { part: 'targetKind' } });
  }
  return await Promise.resolve(npyDataset(x, y, { ...reader, layout: given.layout, targetKind: given.targetKind, report }));
}

/** Replaces numbered classes by the class names in the file. */
function withNames(dataset: Dataset, names: readonly string[] | null): Dataset {
  const { target } = dataset;
  if (names === null || target.kind !== 'class' || target.classes.length > names.length) return dataset;
  return { ...dataset, target: { kind: 'class', classes: names } };
}
