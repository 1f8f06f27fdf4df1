// Moves and mixes elements by position with plain loops. Sums are in float64.
import type { MovementKernels } from '../movementKernels.ts';

export const movement: MovementKernels = {
  copyRuns(x, from, out, to, count, length) {
    for (let run = 0; run < count; run++) {
      for (let i = 0; i < length; i++) out[to.start + run * to.step + i] = x[from.start + run * from.step + i];
    }
  },

  selectRows(x, indices, out, { outer, size, inner }) {
    for (let o = 0; o < outer; o++) {
      indices.forEach((index, i) => {
        for (let j = 0; j < inner; j++) out[(o * indices.length + i) * inner + j] = x[(o * size + index) * inner + j];
      });
    }
  },

  selectRowsBackward(g, indices, dx, { outer, size, inner }) {
    const sums = new Float64Array(dx.length);
    for (let o = 0; o < outer; o++) {
      indices.forEach((index, i) => {
        for (let j = 0; j < inner; j++) sums[(o * size + index) * inner + j] += g[(o * indices.length + i) * inner + j];
      });
    }
    dx.set(sums);
  },

  scalePixels(pixels, out) {
    for (let i = 0; i < pixels.length; i++) out[i] = Math.fround(pixels[i] / 255);
  },

  resample2d(x, out, planes, rows, columns) {
    for (let plane = 0; plane < planes; plane++) {
      for (let i = 0; i < rows.outputs; i++) {
        for (let j = 0; j < columns.outputs; j++) {
          let sum = 0;
          for (let r = rows.offsets[i]; r < rows.offsets[i + 1]; r++) {
            const line = (plane * rows.inputs + rows.starts[i] + r - rows.offsets[i]) * columns.inputs;
            for (let c = columns.offsets[j]; c < columns.offsets[j + 1]; c++) {
              sum += rows.weights[r] * columns.weights[c] * x[line + columns.starts[j] + c - columns.offsets[j]];
            }
          }
          out[(plane * rows.outputs + i) * columns.outputs + j] = sum;
        }
      }
    }
  },
};
