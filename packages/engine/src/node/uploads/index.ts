// The reader of each format of uploads.
import type { UploadFormat } from '../../data/uploadFormats/index.ts';
import { readIdxPair, readNpy } from './arrayPairs.ts';
import { readCifarBatches } from './cifarBatches.ts';
import { readImageArchives } from './imageArchives.ts';
import { readTableFiles } from './tables.ts';
import type { FormatReader } from './uploadParts.ts';

export const formatReaders: Readonly<Record<UploadFormat, FormatReader>> = {
  idx: readIdxPair,
  npy: readNpy,
  cifar: readCifarBatches,
  csv: readTableFiles,
  images: readImageArchives,
};
