// Convolutions as plain loops. Sums are in float64.
import type { ConvolutionKernels } from '../backend.ts';
import { forEachConvWeight } from './taps.ts';

export const convolutions: ConvolutionKernels = {
  conv2d(x, weight, bias, out, geometry) {
    const { width, outChannels, outHeight, outWidth, strideHeight, strideWidth } = geometry;
    const sums = new Float64Array(out.length);
    if (bias !== null) {
      const area = outHeight * outWidth;
      for (let i = 0; i < sums.length; i++) sums[i] = bias[Math.floor(i / area) % outChannels];
    }
    forEachConvWeight(geometry, (at, input, output, rows, columns) => {
      const factor = weight[at];
      for (let row = 0; row < rows; row++) {
        const [inX, inSums] = [input + row * strideHeight * width, output + row * outWidth];
        for (let i = 0; i < columns; i++) sums[inSums + i] += x[inX + i * strideWidth] * factor;
      }
    });
    out.set(sums);
  },

  conv2dBackwardInput(g, weight, dx, geometry) {
    const { width, outWidth, strideHeight, strideWidth } = geometry;
    const sums = new Float64Array(dx.length);
    forEachConvWeight(
      geometry,
      (at, input, output, rows, columns) => {
        const factor = weight[at];
        for (let row = 0; row < rows; row++) {
          const [inSums, inG] = [input + row * strideHeight * width, output + row * outWidth];
          for (let i = 0; i < columns; i++) sums[inSums + i * strideWidth] += g[inG + i] * factor;
        }
      },
      true,
    );
    dx.set(sums);
  },

  conv2dBackwardWeight(g, x, dw, geometry) {
    const { width, outWidth, strideHeight, strideWidth } = geometry;
    const sums = new Float64Array(dw.length);
    forEachConvWeight(geometry, (at, input, output, rows, columns) => {
      let sum = sums[at];
      for (let row = 0; row < rows; row++) {
        const [inX, inG] = [input + row * strideHeight * width, output + row * outWidth];
        for (let i = 0; i < columns; i++) sum += g[inG + i] * x[inX + i * strideWidth];
      }
      sums[at] = sum;
    });
    dw.set(sums);
  },
};
