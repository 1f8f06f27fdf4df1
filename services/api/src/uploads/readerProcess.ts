// The program that reads uploads of one key for the API, one after the other (see readingProcess.ts). It opens only the files that the
// order names.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { Splits, UploadPreparation } from '@trainyard/engine/data';
import {
  contentOf,
  npzPieces,
  readUpload,
  readWeightsFile,
  SafetensorsError,
  statisticsOf,
  UploadError,
  WeightsFileError,
} from '@trainyard/engine/uploads';
import { openImage } from '../images/decodeImage.ts';
import type { DatasetOrder, ReadAnswer, ReadMessage, ReadOrder, WeightsOrder } from './readingProcess.ts';

/** Writes a dataset as NPZ and returns the digest of the file. */
async function write(splits: Splits, preparation: UploadPreparation, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for (const piece of npzPieces(splits, preparation)) {
      hash.update(piece);
      await file.write(piece);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** Returns the system's code of a failed file operation, such as ENOSPC; `null` for other errors. */
function systemCodeOf(error: unknown): string | null {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function send(message: ReadMessage): void {
  process.send?.(message);
}

/** Milliseconds between two messages about the progress. */
const PROGRESS_MS = 250;

/** Returns a function that adds up the bytes that were read, and reports the sum from time to time. */
function progress(): (bytes: number) => void {
  let [read, last] = [0, performance.now()];
  return (bytes) => {
    read += bytes;
    if (performance.now() - last < PROGRESS_MS) return;
    last = performance.now();
    send({ read: Math.round(read) });
  };
}

async function readDataset({ files, options, limits, output }: DatasetOrder): Promise<ReadAnswer> {
  const { splits, format, taken, preparation, skipped } = await readUpload(files, options, { limits, openImage, onRead: progress() });
  const content = contentOf(splits, await write(splits, preparation, output), preparation);
  return { content, format, taken, statistics: { ...statisticsOf(splits), skipped } };
}

async function readWeights({ weightsFile, converted, maxBytes }: WeightsOrder): Promise<ReadAnswer> {
  return { weights: await readWeightsFile(weightsFile, { converted, maxBytes }) };
}

async function answer(order: ReadOrder): Promise<ReadAnswer> {
  try {
    return await ('files' in order ? readDataset(order) : readWeights(order));
  } catch (error) {
    if (error instanceof UploadError) return { faults: error.faults };
    if (error instanceof SafetensorsError || error instanceof WeightsFileError) {
      return { unusable: `${error.message[0].toUpperCase()}${error.message.slice(1)}.` };
    }
    const diskCode = systemCodeOf(error);
    if (diskCode !== null) return { diskCode };
    throw error;
  }
}

/** Starts the thread that kills this process when it uses too much memory. */
async function watchMemory(): Promise<void> {
  const workerData = { memoryBytes: Number(process.argv[2]), parent: process.ppid };
  await once(new Worker(new URL('../memoryWatch.js', import.meta.url), { workerData }), 'message');
}

// Exits when the parent has ended, because nobody needs the answer then.
process.on('disconnect', () => process.exit(1));
const watched = watchMemory();
process.on('message', (order: ReadOrder) => {
  void watched.then(async () => await answer(order)).then((result) => send({ answer: result, residentBytes: process.memoryUsage.rss() }));
});
