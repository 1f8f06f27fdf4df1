// Pairs of files: IDX and NPY; and NPZ files, which hold the NPY arrays of both parts.
import type { Dataset } from '../../data/dataset.ts';
import { bothOf, DataFormatError, inFile } from '../../data/errors.ts';
import type { NamedBytes } from '../../data/files.ts';
import { idxDataset, parseIdxArray } from '../../data/idx.ts';
import type { NpyArray } from '../../data/npy.ts';
import { arraysDataset, type NamedArray, npyDataset } from '../../data/npyDataset.ts';
import { numberedClasses } from '../../data/upload.ts';
import { formatShape } from '../../shape.ts';
import { npzPairs } from './npzArrays.ts';
import { type FormatReader, type PartNames, readHalves, type UploadContext, type UploadedParts } from './uploadParts.ts';

async function pairOf(upload: UploadedParts, names: PartNames): Promise<readonly [NamedBytes, NamedBytes] | null> {
  const [inputs, targets] = [upload.of(names.inputs), upload.of(names.targets)];
  if (inputs.length === 0 && targets.length === 0) return null;
  if (inputs.length !== 1 || targets.length !== 1) {
    throw new DataFormatError(`${names.inputs} and ${names.targets} are a pair, got ${inputs.length} and ${targets.length} files`, {
      place: { part: inputs.length === 1 ? names.targets : names.inputs },
    });
  }
  return [await upload.read(inputs[0]), await upload.read(targets[0])];
}

export const readIdxPair: FormatReader = async (upload, context) =>
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
        throw new DataFormatError(`${x.name} holds labels and ${y.name} images: exchange them`);
      }
      if (isBytes(images) && isBytes(labels)) return idxDataset(x, y, numberedClasses(1 + Math.max(0, ...new Set(labels.data))));
      return otherIdxDataset({ name: x.name, array: images }, { name: y.name, array: labels }, context);
    },
    ({ inputs }) => inputs,
  );

const isBytes = ({ kind, itemBytes }: NpyArray): boolean => kind === 'uint' && itemBytes === 1;

/** Makes a dataset from IDX files of which at least one has another number type than MNIST's unsigned bytes. */
function otherIdxDataset(x: NamedArray, y: NamedArray, { reader, report }: UploadContext): Dataset {
  const { shape } = x.array;
  if (shape.length !== 3 || shape.includes(0)) {
    throw new DataFormatError(`${x.name}: expected images of shape [samples, rows, columns], got ${formatShape(shape)}`);
  }
  const dataset = arraysDataset(x, y, { ...reader, targetKind: 'class', report });
  return { ...dataset, inputShape: [1, ...shape.slice(1)] };
}

export const readNpy: FormatReader = async (upload, context) => {
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
};

async function datasetOf(x: NamedBytes, y: NamedBytes, { options, reader, report }: UploadContext): Promise<Dataset> {
  const { layout, targetKind } = options;
  if (targetKind === 'labels') {
    throw new DataFormatError('targetKind=labels is for tables: send class or value', { place: { part: 'targetKind' } });
  }
  return await Promise.resolve(npyDataset(x, y, { ...reader, layout, targetKind, report }));
}

/** Numbered classes by the names that the file has for them. */
function withNames(dataset: Dataset, names: readonly string[] | null): Dataset {
  const { target } = dataset;
  if (names === null || target.kind !== 'class' || target.classes.length > names.length) return dataset;
  return { ...dataset, target: { kind: 'class', classes: names } };
}
