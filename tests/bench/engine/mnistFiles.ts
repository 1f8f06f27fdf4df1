// The images of mnist_epoch for both sides: MNIST where `TRAINYARD_DATASETS` has it, else the engine's drawn digits, written
// once as IDX files so that the peer can read them too.
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Generator } from '@trainyard/engine';
import { dataSchema, loadData } from '@trainyard/engine/data';
import { epochSamples } from './workloads.ts';

const [images, labels] = ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz'];

export interface MnistFiles {
  /** What the images are. */
  readonly what: string;
  /** The folder that has `mnist`; null: our side draws its own. */
  readonly datasets: string | null;
  readonly files: readonly string[];
  close(): Promise<void>;
}

export async function mnistFiles(datasets: string | undefined): Promise<MnistFiles> {
  if (datasets !== undefined) {
    const files = [images, labels].map((name) => join(datasets, 'mnist', name));
    const areThere = await Promise.all(files.map(async (file) => await access(file))).then(
      () => true,
      () => false,
    );
    if (areThere) return { what: `the first ${epochSamples} images of MNIST`, datasets, files, close: () => Promise.resolve() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-bench-'));
  const files = [images, labels].map((name) => join(folder, name));
  const noFile = () => Promise.reject(new Error('digits need no file'));
  const { train } = await loadData(dataSchema.parse({ dataset: 'digits', trainLimit: epochSamples, testLimit: 1 }), {
    files: { find: noFile, read: noFile },
    generator: new Generator(0),
  });
  await writeFile(files[0], await promisify(gzip)(idx([train.length, 28, 28], train.inputs)));
  await writeFile(files[1], await promisify(gzip)(idx([train.length], train.targets)));
  return {
    what: `${train.length} drawn digits, since TRAINYARD_DATASETS names no folder with ${join('mnist', images)} and ${labels}`,
    datasets: null,
    files,
    close: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** An IDX file of unsigned bytes: magic number, sizes (big-endian), values. */
function idx(shape: readonly number[], values: ArrayLike<number>): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt16BE(0x0800 + shape.length, 2);
  shape.forEach((size, dim) => head.writeUInt32BE(size, 4 + 4 * dim));
  return Buffer.concat([head, Uint8Array.from(values)]);
}
