// Arithmetic by elements, broadcasting and sums on the wasm backend: each call to its kernel.
import { type Shape, stridesOf } from '../../shape.ts';
import { type BinaryOp, binaryOps, type FloatArray, type UnaryOp, unaryOps } from '../backend.ts';
import { writeBinaryDimensions, writeSteps, writeSummed } from './dimensions.ts';
import { FIRST_RECORDS, SECOND_RECORDS, WasmMemory } from './wasmMemory.ts';

// The kernels number operations as the contract's lists do.
const unaryNumbers = Object.fromEntries(unaryOps.map((op, number) => [op, number])) as Record<UnaryOp, number>;
const binaryNumbers = Object.fromEntries(binaryOps.map((op, number) => [op, number])) as Record<BinaryOp, number>;

export class WasmElementwise extends WasmMemory {
  fill(out: FloatArray, value: number): void {
    if (this.isHosted(out)) out.fill(value);
    else this.parallel.fillBlocks(this.write(out), out.length, value, this.kernels.blocksOf(out.length), out.length);
  }

  copy(x: FloatArray, out: FloatArray): void {
    const fromHosted = this.isHosted(x);
    const toHosted = this.isHosted(out);
    if (fromHosted || toHosted) out.set(x);
    else this.parallel.copy(this.read(x), this.write(out), out.length, this.kernels.blocksOf(out.length), out.length);
  }

  unary(op: UnaryOp, x: FloatArray, out: FloatArray): void {
    const { length } = out;
    this.parallel.unary(unaryNumbers[op], this.read(x), this.write(out), length, this.kernels.blocksOf(length), length);
    this.finish();
  }

  binary(op: BinaryOp, a: FloatArray, aShape: Shape, b: FloatArray, bShape: Shape, out: FloatArray, outShape: Shape): void {
    if (out.length === 0) return;
    const rank = writeBinaryDimensions(this.parameters, FIRST_RECORDS, aShape, bShape, outShape);
    const dims = this.words(FIRST_RECORDS);
    const counters = this.scratchOfEach(rank * 4);
    const left = this.read(a);
    const right = this.read(b);
    const to = this.write(out);
    this.parallel.binary(binaryNumbers[op], left, right, to, dims, rank, counters, this.kernels.binaryUnits(dims, rank), out.length);
    this.finish();
  }

  binaryScalar(op: BinaryOp, a: FloatArray, scalar: number, out: FloatArray): void {
    const { length } = out;
    this.parallel.binaryScalar(binaryNumbers[op], this.read(a), scalar, this.write(out), length, this.kernels.blocksOf(length), length);
    this.finish();
  }

  addScaled(x: FloatArray, alpha: number, out: FloatArray): void {
    const { length } = out;
    this.parallel.addScaled(this.read(x), alpha, this.update(out), length, this.kernels.blocksOf(length), length);
    this.finish();
  }

  reluBackward(g: FloatArray, x: FloatArray, dx: FloatArray): void {
    const { length } = dx;
    this.parallel.reluBackward(this.read(g), this.read(x), this.write(dx), length, this.kernels.blocksOf(length), length);
    this.finish();
  }

  sumTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void {
    if (out.length === 0) return;
    if (x.length === 0) {
      this.fill(out, 0);
      return;
    }
    const kept = writeSummed(this.parameters, FIRST_RECORDS, xShape, outShape, true);
    const summed = writeSummed(this.parameters, SECOND_RECORDS, xShape, outShape, false);
    const from = this.read(x);
    const to = this.write(out);
    const ofKept = this.words(FIRST_RECORDS);
    const ofSummed = this.words(SECOND_RECORDS);
    const scratch = this.scratchOfEach(this.kernels.sumToScratch(summed));
    const units = this.kernels.sumToUnits(ofKept, kept);
    this.parallel.sumTo(from, to, ofKept, kept, ofSummed, summed, scratch, units, x.length);
    this.finish();
  }

  broadcastTo(x: FloatArray, xShape: Shape, out: FloatArray, outShape: Shape): void {
    const strides = stridesOf(xShape);
    const missing = outShape.length - xShape.length;
    const steps = outShape.map((_, dim) => (dim < missing || xShape[dim - missing] === 1 ? 0 : strides[dim - missing]));
    this.#gather(x, outShape, steps, out);
  }

  permute(x: FloatArray, shape: Shape, axes: readonly number[], out: FloatArray): void {
    const strides = stridesOf(shape);
    const outShape = axes.map((axis) => shape[axis]);
    const steps = axes.map((axis) => strides[axis]);
    this.#gather(x, outShape, steps, out);
  }

  #gather(x: FloatArray, outShape: Shape, steps: readonly number[], out: FloatArray): void {
    if (out.length === 0) return;
    const rank = writeSteps(this.parameters, FIRST_RECORDS, outShape, steps);
    const dims = this.words(FIRST_RECORDS);
    const counters = this.scratchOfEach(rank * 4);
    this.parallel.gather(this.read(x), this.write(out), dims, rank, counters, this.kernels.gatherUnits(dims, rank), out.length);
    this.finish();
  }

  /** Where the parameter block's word `index` lies. */
  protected words(index: number): number {
    return this.parametersAddress + index * 4;
  }
}
