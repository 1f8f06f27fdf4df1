// Matrix products and linear layers as plain loops. Sums are in float64.
import type { ProductKernels } from '../backend.ts';

export const products: ProductKernels = {
  matmul(a, b, out, geometry) {
    const { batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB } = geometry;
    const [rowA, columnA] = transposeA ? [1, m] : [k, 1];
    const [rowB, columnB] = transposeB ? [1, k] : [n, 1];
    for (let matrix = 0; matrix < batch; matrix++) {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let sum = 0;
          for (let i = 0; i < k; i++) {
            sum += a[matrix * batchStrideA + row * rowA + i * columnA] * b[matrix * batchStrideB + i * rowB + column * columnB];
          }
          out[(matrix * m + row) * n + column] = sum;
        }
      }
    }
  },

  linear(x, weight, bias, out, n, inFeatures, outFeatures) {
    for (let row = 0; row < n; row++) {
      for (let feature = 0; feature < outFeatures; feature++) {
        let sum = bias === null ? 0 : bias[feature];
        for (let i = 0; i < inFeatures; i++) sum += x[row * inFeatures + i] * weight[feature * inFeatures + i];
        out[row * outFeatures + feature] = sum;
      }
    }
  },
};
