// Reads the first samples of a dataset. A built-in dataset is read only if its files are on this machine: nothing is downloaded. Of an
// uploaded dataset, only the beginning of each array is read.
import { buffer } from 'node:stream/consumers';
import { Generator } from '@trainyard/engine';
import {
  type Dataset,
  type DatasetFiles,
  DatasetUnavailableError,
  dataSchema,
  loadData,
  npzPlaces,
  type Splits,
  UPLOADED_FILE,
} from '@trainyard/engine/data';
import type { ArtifactStore, DatasetRecord } from '@trainyard/jobs';
import { ProblemError } from '../problems.ts';

export type Part = 'train' | 'test';

/**
 * Returns dataset files that are only read from this machine, never downloaded.
 * Their `read` throws a DatasetUnavailableError if a file is missing.
 */
function thoseThere(files: Pick<DatasetFiles, 'find'>): DatasetFiles {
  return {
    find: (folder, name, options) => files.find(folder, name, options),
    async read(folder, { name }, options) {
      const found = await files.find(folder, name.replace(/\.gz$/, ''), options);
      if (found !== null) return found;
      throw new DatasetUnavailableError(`${folder}/${name} is not there`);
    },
  };
}

/**
 * Reads a built-in dataset.
 * @param limit the most samples of each part. Default: all
 * @throws ProblemError 404 if its files are not on this machine, or if only a spec can create its samples
 */
export async function loadBuiltIn(id: string, files: Pick<DatasetFiles, 'find'>, limit?: number): Promise<Splits> {
  const parsed = dataSchema.safeParse({ dataset: id, ...(limit !== undefined && { trainLimit: limit, testLimit: limit }) });
  if (!parsed.success)
    throw new ProblemError('notFound', `${id} has no stored samples: they are generated from the options and the seed of a spec.`);
  try {
    return await loadData(parsed.data, { files: thoseThere(files), generator: new Generator(0) });
  } catch (error) {
    if (!(error instanceof DatasetUnavailableError)) throw error;
    throw new ProblemError('notFound', `The files of ${id} are not on this server. A job that uses the dataset downloads them.`);
  }
}

/** The bytes at the end of an uploaded dataset that contain the directory of the zip file. */
const TAIL_BYTES = 4_096;

/** The fewest bytes of the header of a stored array. The type of its numbers is at the beginning of the header. */
const HEADER_BYTES = 64;

/**
 * Reads the first samples of a part of an uploaded dataset.
 * @param what `targets` reads only the targets. The inputs of the result are then empty
 * @returns `null` if the dataset has no such part
 */
export async function firstUploaded(
  dataset: DatasetRecord,
  part: Part,
  limit: number,
  artifacts: ArtifactStore,
  what: 'samples' | 'targets' = 'samples',
): Promise<Dataset | null> {
  const { id, bytes, content } = dataset;
  const samples = part === 'train' ? content.trainSamples : content.testSamples;
  if (samples === 0) return null;
  const read = async (start: number, size: number) =>
    await buffer(await artifacts.open(id, UPLOADED_FILE, { start, end: start + size - 1 }));
  const tailBytes = Math.min(bytes, TAIL_BYTES);
  const places = npzPlaces({ name: UPLOADED_FILE, bytes: await read(bytes - tailBytes, tailBytes) }, bytes);
  const length = Math.min(limit, samples);
  /** Reads the first rows of an array. The values are at the end of the zip entry, and each sample has `rowBytes` bytes. */
  const rows = async (name: string, rowBytes: (start: number) => number | Promise<number>): Promise<Uint8Array> => {
    const { start, size } = places.get(`${part}_${name}.npy`) ?? { start: 0, size: 0 };
    const row = await rowBytes(start);
    return Uint8Array.from(await read(start + size - samples * row, length * row));
  };
  /** Returns how many bytes each class index has: 1 or 8. The header of the array contains its number type. */
  const classSize = async (start: number): Promise<number> => ((await read(start, HEADER_BYTES)).includes("'|u1'") ? 1 : 8);
  const inputSize = content.inputShape.reduce((product, side) => product * side, content.inputType === 'uint8' ? 1 : 4);
  const inputs = what === 'targets' ? new Uint8Array() : await rows('inputs', () => inputSize);
  const targetSize = (content.targetShape ?? []).reduce((product, side) => product * side, 4);
  const targets = await rows('targets', (start) => (content.classes === null ? targetSize : classSize(start)));
  return {
    length,
    inputShape: content.inputShape,
    inputs: content.inputType === 'uint8' ? inputs : new Float32Array(inputs.buffer),
    target: content.classes === null ? { kind: 'values', shape: content.targetShape ?? [1] } : { kind: 'class', classes: content.classes },
    targets: content.classes === null ? new Float32Array(targets.buffer) : numbersOf(targets, length),
  };
}

function numbersOf(bytes: Uint8Array, length: number): Int32Array {
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length }, (_, i) => (bytes.length === length ? bytes[i] : view.getInt32(8 * i, true)));
}
