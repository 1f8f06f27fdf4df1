// Lays sizes down as the kernels' structures have them: int32 words in the order of ConvSizes and PoolSizes.
import type { ConvGeometry, PoolGeometry } from '../backend.ts';

export function writeConvSizes(words: Int32Array, at: number, geometry: ConvGeometry): void {
  words[at] = geometry.batch;
  words[at + 1] = geometry.inChannels;
  words[at + 2] = geometry.height;
  words[at + 3] = geometry.width;
  words[at + 4] = geometry.outChannels;
  words[at + 5] = geometry.kernelHeight;
  words[at + 6] = geometry.kernelWidth;
  words[at + 7] = geometry.strideHeight;
  words[at + 8] = geometry.strideWidth;
  words[at + 9] = geometry.padTop;
  words[at + 10] = geometry.padLeft;
  words[at + 11] = geometry.dilationHeight;
  words[at + 12] = geometry.dilationWidth;
  words[at + 13] = geometry.groups;
  words[at + 14] = geometry.outHeight;
  words[at + 15] = geometry.outWidth;
}

export function writePoolSizes(words: Int32Array, at: number, geometry: PoolGeometry): void {
  words[at] = geometry.planes;
  words[at + 1] = geometry.height;
  words[at + 2] = geometry.width;
  words[at + 3] = geometry.kernelHeight;
  words[at + 4] = geometry.kernelWidth;
  words[at + 5] = geometry.strideHeight;
  words[at + 6] = geometry.strideWidth;
  words[at + 7] = geometry.padTop;
  words[at + 8] = geometry.padLeft;
  words[at + 9] = geometry.dilationHeight;
  words[at + 10] = geometry.dilationWidth;
  words[at + 11] = geometry.outHeight;
  words[at + 12] = geometry.outWidth;
}
