// Matrix products and linear layers on the wasm backend.
import type { ProductKernels } from '../backend.ts';
import { unaryOps } from '../definitions.ts';
import type { FusedKernels } from '../fusedKernels.ts';
import type { WasmContext } from './context.ts';
import { numbersOf } from './operationNumbers.ts';

const { relu } = numbersOf(unaryOps);

export function products(context: WasmContext): ProductKernels & Pick<FusedKernels, 'linearRelu' | 'linearBackward'> {
  const { memory, kernels, parallel } = context;
  return {
    matmul(a, b, out, geometry) {
      const { batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB } = geometry;
      const left = memory.read(a);
      const right = memory.read(b);
      const to = memory.write(out);
      multiply(context, left, right, to, batch, m, n, k, Number(transposeA), Number(transposeB), batchStrideA, batchStrideB);
      memory.finish();
    },

    linear(x, weight, bias, out, n, inFeatures, outFeatures) {
      const offset = bias === null ? 0 : memory.read(bias);
      transform(context, memory.read(x), memory.read(weight), offset, memory.write(out), n, inFeatures, outFeatures);
      memory.finish();
    },

    linearRelu(x, weight, bias, out, n, inFeatures, outFeatures) {
      const offset = bias === null ? 0 : memory.read(bias);
      const to = memory.write(out);
      transform(context, memory.read(x), memory.read(weight), offset, to, n, inFeatures, outFeatures);
      parallel.unary(relu, to, to, out.length, kernels.blocksOf(out.length), out.length);
      memory.finish();
    },

    linearBackward(g, y, x, weight, dx, dw, db, n, inFeatures, outFeatures) {
      let from = memory.read(g);
      if (y !== null) {
        const passed = memory.scratch(4 * g.length);
        parallel.reluBackward(from, memory.read(y), passed, g.length, kernels.blocksOf(g.length), g.length);
        from = passed;
      }
      if (db !== null) parallel.columnSums(from, memory.write(db), n, outFeatures, Math.ceil(outFeatures / 4), g.length);
      if (dx !== null) multiply(context, from, memory.read(weight), memory.write(dx), 1, n, inFeatures, outFeatures, 0, 0, 0, 0);
      if (dw !== null) {
        const ofX = memory.read(x);
        const to = memory.write(dw);
        if (n === 1) parallel.outerProduct(from, ofX, to, inFeatures, outFeatures, dw.length);
        else multiply(context, from, ofX, to, 1, outFeatures, inFeatures, n, 1, 0, 0, 0);
      }
      memory.finish();
    },
  };
}

/** Multiplies the matrices at these addresses. The caller calls `finish`. */
function multiply(
  { memory, kernels, parallel }: WasmContext,
  a: number,
  b: number,
  out: number,
  batch: number,
  m: number,
  n: number,
  k: number,
  turnA: number,
  turnB: number,
  strideA: number,
  strideB: number,
): void {
  const scratch = memory.scratchOfEach(kernels.matmulScratch(m, n, k));
  const units = kernels.matmulUnits(batch, m, n, turnA, turnB);
  parallel.matmul(a, b, out, m, n, k, turnA, turnB, strideA, strideB, scratch, units, batch * m * n * k);
}

/** Computes a linear layer with operands at these addresses. The caller calls `finish`. */
function transform(
  { kernels, parallel }: WasmContext,
  x: number,
  weight: number,
  bias: number,
  out: number,
  n: number,
  inFeatures: number,
  outFeatures: number,
): void {
  const units = kernels.dotUnits(n, outFeatures);
  parallel.dots(x, weight, bias, out, n, outFeatures, inFeatures, units, n * inFeatures * outFeatures);
}
