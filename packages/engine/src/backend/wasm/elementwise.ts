// Arithmetic by elements, broadcasting and sums on the wasm backend.
import { type Shape, stridesOf } from '../../shape.ts';
import type { ElementwiseKernels } from '../backend.ts';
import { binaryOps, unaryOps } from '../definitions.ts';
import type { FloatArray } from '../types.ts';
import type { WasmContext } from './context.ts';
import { writeBinaryDimensions, writeSteps, writeSummed } from './dimensions.ts';
import { numbersOf } from './operationNumbers.ts';

const unaryNumbers = numbersOf(unaryOps);
const binaryNumbers = numbersOf(binaryOps);

export function elementwise(context: WasmContext): ElementwiseKernels {
  const { memory, parameters, kernels, parallel } = context;
  return {
    fill(out, value) {
      if (memory.isHosted(out)) out.fill(value);
      else parallel.fillBlocks(memory.write(out), out.length, value, kernels.blocksOf(out.length), out.length);
    },

    copy(x, out) {
      const fromHosted = memory.isHosted(x);
      const toHosted = memory.isHosted(out);
      if (fromHosted || toHosted) out.set(x);
      else parallel.copy(memory.read(x), memory.write(out), out.length, kernels.blocksOf(out.length), out.length);
    },

    unary(op, x, out) {
      const { length } = out;
      parallel.unary(unaryNumbers[op], memory.read(x), memory.write(out), length, kernels.blocksOf(length), length);
      memory.finish();
    },

    binary(op, a, aShape, b, bShape, out, outShape) {
      if (out.length === 0) return;
      const rank = writeBinaryDimensions(parameters.words, parameters.firstWord, aShape, bShape, outShape);
      const dims = parameters.firstAddress;
      const counters = memory.scratchOfEach(rank * 4);
      const left = memory.read(a);
      const right = memory.read(b);
      const to = memory.write(out);
      parallel.binary(binaryNumbers[op], left, right, to, dims, rank, counters, kernels.binaryUnits(dims, rank), out.length);
      memory.finish();
    },

    binaryScalar(op, a, scalar, out) {
      const { length } = out;
      parallel.binaryScalar(binaryNumbers[op], memory.read(a), scalar, memory.write(out), length, kernels.blocksOf(length), length);
      memory.finish();
    },

    addScaled(x, alpha, out) {
      const { length } = out;
      parallel.addScaled(memory.read(x), alpha, memory.update(out), length, kernels.blocksOf(length), length);
      memory.finish();
    },

    reluBackward(g, x, dx) {
      const { length } = dx;
      parallel.reluBackward(memory.read(g), memory.read(x), memory.write(dx), length, kernels.blocksOf(length), length);
      memory.finish();
    },

    sumTo(x, xShape, out, outShape) {
      if (out.length === 0) return;
      if (x.length === 0) {
        out.fill(0);
        return;
      }
      const kept = writeSummed(parameters.words, parameters.firstWord, xShape, outShape, true);
      const summed = writeSummed(parameters.words, parameters.secondWord, xShape, outShape, false);
      const from = memory.read(x);
      const to = memory.write(out);
      const ofKept = parameters.firstAddress;
      const ofSummed = parameters.secondAddress;
      const scratch = memory.scratchOfEach(kernels.sumToScratch(summed));
      const units = kernels.sumToUnits(ofKept, kept);
      parallel.sumTo(from, to, ofKept, kept, ofSummed, summed, scratch, units, x.length);
      memory.finish();
    },

    broadcastTo(x, xShape, out, outShape) {
      const strides = stridesOf(xShape);
      const missing = outShape.length - xShape.length;
      const steps = outShape.map((_, dim) => (dim < missing || xShape[dim - missing] === 1 ? 0 : strides[dim - missing]));
      gather(context, x, outShape, steps, out);
    },

    permute(x, shape, axes, out) {
      const strides = stridesOf(shape);
      const outShape = axes.map((axis) => shape[axis]);
      const steps = axes.map((axis) => strides[axis]);
      gather(context, x, outShape, steps, out);
    },

    sumOfSquares(x) {
      const sum = kernels.sumOfSquares(memory.read(x), x.length);
      memory.finish();
      return sum;
    },
  };
}

/** Copies x into `out` in another order. `steps` has the step in x, in elements, for each dimension of `outShape`. */
function gather(
  { memory, parameters, kernels, parallel }: WasmContext,
  x: FloatArray,
  outShape: Shape,
  steps: readonly number[],
  out: FloatArray,
): void {
  if (out.length === 0) return;
  const rank = writeSteps(parameters.words, parameters.firstWord, outShape, steps);
  const dims = parameters.firstAddress;
  const counters = memory.scratchOfEach(rank * 4);
  parallel.gather(memory.read(x), memory.write(out), dims, rank, counters, kernels.gatherUnits(dims, rank), out.length);
  memory.finish();
}
