// Max pooling and log-softmax as plain loops. Sums are in float64.
import { exp, log } from '../../math.ts';
import type { MaximumKernels } from '../backend.ts';
import { forEachPoolTap } from './taps.ts';

export const maxima: MaximumKernels = {
  maxPool2d(x, out, indices, geometry) {
    indices.fill(-1);
    forEachPoolTap(geometry, (position, plane, output) => {
      const value = x[plane + position];
      if (indices[output] !== -1 && !(value > out[output] || (Number.isNaN(value) && !Number.isNaN(out[output])))) return;
      out[output] = value;
      indices[output] = position;
    });
  },

  maxPool2dBackward(g, indices, dx, geometry) {
    const inPlane = geometry.height * geometry.width;
    const outPlane = geometry.outHeight * geometry.outWidth;
    const sums = new Float64Array(dx.length);
    for (let i = 0; i < g.length; i++) sums[Math.floor(i / outPlane) * inPlane + indices[i]] += g[i];
    dx.set(sums);
  },

  logSoftmax(x, out, outer, size, inner) {
    for (let line = 0; line < outer * inner; line++) {
      const start = Math.floor(line / inner) * size * inner + (line % inner);
      let max = -Infinity;
      for (let i = 0; i < size; i++) max = Math.max(max, x[start + i * inner]);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += exp(x[start + i * inner] - max);
      const logSum = log(sum);
      for (let i = 0; i < size; i++) out[start + i * inner] = x[start + i * inner] - max - logSum;
    }
  },

  logSoftmaxBackward(g, y, dx, outer, size, inner) {
    for (let line = 0; line < outer * inner; line++) {
      const start = Math.floor(line / inner) * size * inner + (line % inner);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += g[start + i * inner];
      for (let i = 0; i < size; i++) dx[start + i * inner] = g[start + i * inner] - exp(y[start + i * inner]) * sum;
    }
  },
};
