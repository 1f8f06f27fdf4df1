// Convolutions on the wasm backend. convVariant.ts chooses the kernels.
import type { ConvolutionKernels } from '../backend.ts';
import type { ConvGeometry, FloatArray } from '../types.ts';
import type { WasmContext } from './context.ts';
import { type ConvVariant, convVariant } from './convVariant.ts';
import { winograd, winogradBackward } from './winograd.ts';

const planesOf = ({ batch, inChannels }: ConvGeometry): number => batch * inChannels;

/** Returns the multiply-adds of a convolution. */
export const convOperations = ({
  batch,
  inChannels,
  outChannels,
  groups,
  outHeight,
  outWidth,
  kernelHeight,
  kernelWidth,
}: ConvGeometry): number => batch * outChannels * outHeight * outWidth * (inChannels / groups) * kernelHeight * kernelWidth;

/** @param forced a variant to use wherever it applies. */
export function convolutions(context: WasmContext, forced: ConvVariant | undefined): ConvolutionKernels {
  const { memory, parameters, kernels, parallel } = context;
  return {
    conv2d(x, weight, bias, out, geometry) {
      const variant = convVariant(geometry, forced);
      if (variant === 'winograd') {
        winograd(context, x, weight, bias, out, null, geometry, false);
        return;
      }
      const sizes = parameters.convSizes(geometry);
      if (variant === 'depthwise') {
        const scratch = memory.scratchOfEach(kernels.planDepthwise(sizes));
        const from = memory.read(x);
        const factor = memory.read(weight);
        const offset = bias === null ? 0 : memory.read(bias);
        const to = memory.write(out);
        parallel.depthwise(from, factor, offset, to, sizes, scratch, planesOf(geometry), convOperations(geometry));
      } else {
        const scratch = memory.scratchOfEach(kernels.planConv2d(sizes));
        convolve(context, x, weight, bias, out, geometry, scratch, false);
      }
      memory.finish();
    },

    conv2dBackwardInput(g, weight, dx, geometry) {
      const variant = convVariant(geometry, forced);
      if (variant === 'winograd') {
        winogradBackward(context, g, null, null, null, weight, dx, null, null, geometry);
        return;
      }
      const sizes = parameters.convSizes(geometry);
      if (variant === 'depthwise') {
        const scratch = memory.scratchOfEach(kernels.planDepthwise(sizes));
        const from = memory.read(g);
        const factor = memory.read(weight);
        const to = memory.write(dx);
        parallel.depthwiseBackwardInput(from, factor, to, sizes, scratch, planesOf(geometry), convOperations(geometry));
      } else {
        const scratch = memory.scratchOfEach(kernels.planConv2dBackwardInput(sizes));
        convolve(context, g, weight, null, dx, geometry, scratch, true);
      }
      memory.finish();
    },

    conv2dBackwardWeight(g, x, dw, geometry) {
      const variant = convVariant(geometry, forced);
      if (variant === 'winograd') {
        winogradBackward(context, g, null, null, x, null, null, dw, null, geometry);
        return;
      }
      const sizes = parameters.convSizes(geometry);
      if (variant === 'depthwise') {
        const scratch = memory.scratchOfEach(kernels.planDepthwise(sizes));
        const ofG = memory.read(g);
        const ofX = memory.read(x);
        const to = memory.write(dw);
        parallel.depthwiseBackwardWeight(ofG, ofX, to, sizes, scratch, geometry.inChannels, convOperations(geometry));
      } else {
        const scratch = memory.scratchOfEach(kernels.planConv2d(sizes));
        const bytes = kernels.packedBytes(sizes);
        const parts = kernels.weightParts(sizes);
        const sums = memory.scratch(bytes * parts);
        const ofG = memory.read(g);
        const ofX = memory.read(x);
        const to = memory.write(dw);
        parallel.conv2dBackwardWeight(ofG, ofX, sums, sizes, scratch, parts, convOperations(geometry));
        if (parts > 1) parallel.addParts(sums, sizes, kernels.blocksOf(bytes / 4), (bytes / 4) * parts);
        parallel.unpackConv2d(sums, to, sizes, kernels.packUnits(sizes), 4 * dw.length);
      }
      memory.finish();
    },
  };
}

/** Computes the planned convolution: the result or, if `isTurned`, the gradient of x from the result's gradient. */
function convolve(
  { memory, parameters, kernels, parallel }: WasmContext,
  x: FloatArray,
  weight: FloatArray,
  bias: FloatArray | null,
  out: FloatArray,
  geometry: ConvGeometry,
  scratch: number,
  isTurned: boolean,
): void {
  const sizes = parameters.firstAddress;
  const packed = memory.scratch(kernels.packedBytes(sizes));
  const from = memory.read(x);
  const factor = memory.read(weight);
  const offset = bias === null ? 0 : memory.read(bias);
  const to = memory.write(out);
  parallel.packConv2d(factor, packed, sizes, Number(isTurned), kernels.packUnits(sizes), 4 * weight.length);
  parallel.conv2d(from, packed, offset, to, sizes, scratch, geometry.batch, convOperations(geometry));
}
