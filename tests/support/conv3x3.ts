// The geometry of 3 × 3 convolutions with stride 1, for which the wasm backend uses Winograd's algorithm.
import type { WasmBackend } from '@trainyard/engine';

export type ConvGeometry = Parameters<WasmBackend['conv2d']>[4];
export type ConvSizes = Pick<ConvGeometry, 'batch' | 'inChannels' | 'outChannels' | 'height' | 'width' | 'padTop' | 'padLeft'>;

/** Returns the geometry of a 3 × 3 convolution with stride 1. */
export const conv3x3 = (sizes: ConvSizes): ConvGeometry => ({
  ...sizes,
  kernelHeight: 3,
  kernelWidth: 3,
  strideHeight: 1,
  strideWidth: 1,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
  outHeight: sizes.height + 2 * sizes.padTop - 2,
  outWidth: sizes.width + 2 * sizes.padLeft - 2,
});
