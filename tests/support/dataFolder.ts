// A folder of small datasets with the layout and the names of published ones, for whole runs without downloads. The samples and labels are
// random.
import { mkdir, rm, writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Generator } from '@trainyard/engine';
import { dataSchema, encodeNpz, loadData } from '@trainyard/engine/data';
import { idxFile } from '../engine/data/idxFiles.ts';
import { noFiles } from '../engine/training/runs.ts';
import { uploadedFiles } from './uploads.ts';

/** The number of samples in the two parts. */
const TRAIN = 300;
const TEST = 150;

const noise = (seed: number, bytes: number): Uint8Array => Uint8Array.from(new Generator(seed).uniform_(new Float32Array(bytes), 0, 256));
const labels = (seed: number, samples: number): Uint8Array => Uint8Array.from(noise(seed, samples), (value) => value % 10);

function mnistFiles(seed: number): Record<string, Uint8Array> {
  return {
    'train-images-idx3-ubyte.gz': gzipSync(idxFile([TRAIN, 28, 28], noise(seed, TRAIN * 784))),
    'train-labels-idx1-ubyte.gz': gzipSync(idxFile([TRAIN], labels(seed + 1, TRAIN))),
    't10k-images-idx3-ubyte.gz': gzipSync(idxFile([TEST, 28, 28], noise(seed + 2, TEST * 784))),
    't10k-labels-idx1-ubyte.gz': gzipSync(idxFile([TEST], labels(seed + 3, TEST))),
  };
}

function cifarBatch(seed: number, samples: number): Uint8Array {
  const records = noise(seed, samples * 3073);
  labels(seed + 1, samples).forEach((label, i) => records.set([label], i * 3073));
  return records;
}

/** Returns the first samples of the generated dataset `digits` as an NPZ file. */
async function digitsNpz(): Promise<Uint8Array> {
  const data = dataSchema.parse({ dataset: 'digits', trainLimit: TRAIN, testLimit: TEST });
  return encodeNpz(await loadData(data, { files: noFiles, generator: new Generator(0) }));
}

/** Creates the folder. The caller removes it. */
export async function makeDataFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'trainyard-data-'));
  const folders: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>> = {
    mnist: mnistFiles(10),
    fashionMnist: mnistFiles(20),
    cifar10: {
      'data_batch_1.bin': cifarBatch(30, 60),
      'data_batch_3.bin.gz': gzipSync(cifarBatch(40, 60)),
      'test_batch.bin': cifarBatch(50, 60),
    },
    digits: { 'digits.npz': await digitsNpz() },
    ...Object.fromEntries(Object.entries(uploadedFiles).map(([id, { file }]) => [id, { 'dataset.npz': file }])),
  };
  for (const [folder, files] of Object.entries(folders)) {
    await mkdir(join(path, folder));
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(path, folder, name), bytes);
  }
  return { path, remove: async () => await rm(path, { recursive: true, force: true }) };
}
