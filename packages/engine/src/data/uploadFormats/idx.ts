// Reads MNIST's format: a pair of IDX files with images and labels.
import { formatShape } from '../../shape.ts';
import type { Dataset } from '../dataset.ts';
import { bothOf, DataFormatError, inFile } from '../errors.ts';
import { idxDataset, parseIdxArray } from '../idx.ts';
import type { NpyArray } from '../npy.ts';
import { arraysDataset, type NamedArray } from '../npyDataset.ts';
import { numberedClasses } from '../upload.ts';
import { defineUploadFormat, readHalves, type UploadContext } from './define.ts';
import { pairOf } from './parts.ts';

export const idx = defineUploadFormat({
  name: 'idx',
  title: 'IDX files',
  rank: 5,
  file: null,
  pair: 'IDX',
  options: {},
  detection: { pairKinds: ['idx'] },
  read: async (upload, context) =>
    await readHalves(
      context,
      async (names) => {
        const pair = await pairOf(upload, names);
        if (pair === null) return null;
        const [x, y] = pair;
        const [images, labels] = bothOf(
          () => inFile(x.name, () => parseIdxArray(x)),
          () => inFile(y.name, () => parseIdxArray(y)),
        );
        if (images.shape.length === 1 && labels.shape.length === 3) {
          throw new DataFormatError(`${x.name} has labels and ${y.name} has images: exchange them`);
        }
        if (isBytes(images) && isBytes(labels)) return idxDataset(x, y, numberedClasses(1 + Math.max(0, ...new Set(labels.data))));
        return otherIdxDataset({ name: x.name, array: images }, { name: y.name, array: labels }, context);
      },
      ({ inputs }) => inputs,
    ),
});

const isBytes = ({ kind, itemBytes }: NpyArray): boolean => kind === 'uint' && itemBytes === 1;

/** Makes a dataset from a pair of IDX files that are not both of MNIST's number type, unsigned bytes. */
function otherIdxDataset(x: NamedArray, y: NamedArray, { reader, report }: UploadContext): Dataset {
  const { shape } = x.array;
  if (shape.length !== 3 || shape.includes(0)) {
    throw new DataFormatError(`${x.name}: expected images of shape [samples, rows, columns], got ${formatShape(shape)}`);
  }
  const dataset = arraysDataset(x, y, { ...reader, targetKind: 'class', report });
  return { ...dataset, inputShape: [1, ...shape.slice(1)] };
}
