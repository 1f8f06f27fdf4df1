// The reference backend: every kernel of the contract as a plain loop, in float32 or float64. It is the oracle that
// gradient checks and the other backends are held against, so it is written to be read; nothing in it is fast. Sums are
// kept in float64 in both precisions, and functions are math.ts's, so its results are the same on every machine.
import { exp, log, pow } from '../math.ts';
import { broadcastStrides, type Shape, stridesOf } from '../shape.ts';
import { engineVersion } from '../version.ts';
import type { Backend, BinaryOp, ConvGeometry, FloatArray, MatmulGeometry, PoolGeometry, UnaryOp } from './backend.ts';
import {
  composedConv2dBackward,
  composedConv2dRelu,
  composedConv2dReluPool,
  composedConv2dReluPoolBackward,
  composedLinearBackward,
  composedLinearRelu,
} from './composed.ts';
import { ReferenceMovement } from './reference/movement.ts';
import { offsetsOf } from './reference/offsets.ts';
import { forEachConvWeight, forEachPoolTap } from './reference/taps.ts';

const unaryFunctions: Record<UnaryOp, (x: number) => number> = {
  neg: (x) => -x,
  exp,
  log,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  abs: Math.abs,
  relu: (x) => (x <= 0 ? 0 : x),
};

const binaryFunctions: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
};

export class ReferenceBackend extends ReferenceMovement implements Backend {
  readonly name = 'reference';
  readonly engineVersion = engineVersion;

  fill(out: FloatArray, value: number): void {
    out.fill(value);
  }

  copy(x: FloatArray, out: FloatArray): void {
    out.set(x);
  }

  unary(op: UnaryOp, x: FloatArray, out: FloatArray): void {
    const f = unaryFunctions[op];
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]);
  }

  binary(op: BinaryOp, a: FloatArray, aShape: Shape, b: FloatArray, bShape: Shape, out: FloatArray, outShape: Shape): void {
    const f = binaryFunctions[op];
    const inA = offsetsOf(outShape, broadcastStrides(aShape, outShape));
    const inB = offsetsOf(outShape, broadcastStrides(bShape, outShape));
    for (let i = 0; i < out.length; i++) out[i] = f(a[inA[i]], b[inB[i]]);
  }

  binaryScalar(op: BinaryOp, a: FloatArray, scalar: number, out: FloatArray): void {
    const f = binaryFunctions[op];
    for (let i = 0; i < out.length; i++) out[i] = f(a[i], scalar);
  }

  addScaled(x: FloatArray, alpha: number, out: FloatArray): void {
    for (let i = 0; i < out.length; i++) out[i] += alpha * x[i];
  }

  reluBackward(g: FloatArray, x: FloatArray, dx: FloatArray): void {
    for (let i = 0; i < dx.length; i++) dx[i] = x[i] <= 0 ? 0 : g[i];
  }

  sumTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void {
    const inOut = offsetsOf(xShape, broadcastStrides(outShape, xShape));
    const sums = new Float64Array(out.length);
    for (let i = 0; i < x.length; i++) sums[inOut[i]] += x[i];
    out.set(sums);
  }

  broadcastTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void {
    const inX = offsetsOf(outShape, broadcastStrides(xShape, outShape));
    for (let i = 0; i < out.length; i++) out[i] = x[inX[i]];
  }

  permute(x: FloatArray, shape: Shape, axes: readonly number[], out: FloatArray): void {
    const strides = stridesOf(shape);
    const outShape = axes.map((axis) => shape[axis]);
    const outStrides = axes.map((axis) => strides[axis]);
    const inX = offsetsOf(outShape, outStrides);
    for (let i = 0; i < out.length; i++) out[i] = x[inX[i]];
  }

  matmul(a: FloatArray, b: FloatArray, out: FloatArray, geometry: MatmulGeometry): void {
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
  }

  linear(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void {
    for (let row = 0; row < n; row++) {
      for (let feature = 0; feature < outFeatures; feature++) {
        let sum = bias === null ? 0 : bias[feature];
        for (let i = 0; i < inFeatures; i++) sum += x[row * inFeatures + i] * weight[feature * inFeatures + i];
        out[row * outFeatures + feature] = sum;
      }
    }
  }

  conv2d(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void {
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
  }

  conv2dBackwardInput(g: FloatArray, weight: FloatArray, dx: FloatArray, geometry: ConvGeometry): void {
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
  }

  conv2dBackwardWeight(g: FloatArray, x: FloatArray, dw: FloatArray, geometry: ConvGeometry): void {
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
  }

  conv2dRelu(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void {
    composedConv2dRelu(this, x, weight, bias, out, geometry);
  }

  conv2dBackward(
    g: FloatArray,
    y: FloatArray | null,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    geometry: ConvGeometry,
    mayChangeG = false,
  ): void {
    composedConv2dBackward(this, g, y, x, weight, dx, dw, db, geometry, mayChangeG);
  }

  conv2dReluPool(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    indices: Int32Array,
    geometry: ConvGeometry,
    pool: PoolGeometry,
  ): void {
    composedConv2dReluPool(this, x, weight, bias, out, indices, geometry, pool);
  }

  conv2dReluPoolBackward(
    g: FloatArray,
    y: FloatArray,
    indices: Int32Array,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    geometry: ConvGeometry,
    pool: PoolGeometry,
  ): void {
    composedConv2dReluPoolBackward(this, g, y, indices, x, weight, dx, dw, db, geometry, pool);
  }

  linearRelu(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void {
    composedLinearRelu(this, x, weight, bias, out, n, inFeatures, outFeatures);
  }

  linearBackward(
    g: FloatArray,
    y: FloatArray | null,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void {
    composedLinearBackward(this, g, y, x, weight, dx, dw, db, n, inFeatures, outFeatures);
  }

  maxPool2d(x: FloatArray, out: FloatArray, indices: Int32Array, geometry: PoolGeometry): void {
    indices.fill(-1);
    forEachPoolTap(geometry, (position, plane, output) => {
      const value = x[plane + position];
      if (indices[output] !== -1 && !(value > out[output] || (Number.isNaN(value) && !Number.isNaN(out[output])))) return;
      out[output] = value;
      indices[output] = position;
    });
  }

  maxPool2dBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, geometry: PoolGeometry): void {
    const inPlane = geometry.height * geometry.width;
    const outPlane = geometry.outHeight * geometry.outWidth;
    const sums = new Float64Array(dx.length);
    for (let i = 0; i < g.length; i++) sums[Math.floor(i / outPlane) * inPlane + indices[i]] += g[i];
    dx.set(sums);
  }

  logSoftmax(x: FloatArray, out: FloatArray, outer: number, size: number, inner: number): void {
    for (let line = 0; line < outer * inner; line++) {
      const start = Math.floor(line / inner) * size * inner + (line % inner);
      let max = -Infinity;
      for (let i = 0; i < size; i++) max = Math.max(max, x[start + i * inner]);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += exp(x[start + i * inner] - max);
      const logSum = log(sum);
      for (let i = 0; i < size; i++) out[start + i * inner] = x[start + i * inner] - max - logSum;
    }
  }

  logSoftmaxBackward(g: FloatArray, y: FloatArray, dx: FloatArray, outer: number, size: number, inner: number): void {
    for (let line = 0; line < outer * inner; line++) {
      const start = Math.floor(line / inner) * size * inner + (line % inner);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += g[start + i * inner];
      for (let i = 0; i < size; i++) dx[start + i * inner] = g[start + i * inner] - exp(y[start + i * inner]) * sum;
    }
  }

  sumOfSquares(x: FloatArray): number {
    let sum = 0;
    for (const value of x) sum += value * value;
    return sum;
  }
}
