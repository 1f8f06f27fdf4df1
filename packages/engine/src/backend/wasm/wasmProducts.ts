// Matrix products and linear layers on the wasm backend: each call to its kernels.
import { type FloatArray, type MatmulGeometry, unaryOps } from '../backend.ts';
import { WasmMovement } from './wasmMovement.ts';

const RELU = unaryOps.indexOf('relu');

export class WasmProducts extends WasmMovement {
  matmul(a: FloatArray, b: FloatArray, out: FloatArray, geometry: MatmulGeometry): void {
    const { batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB } = geometry;
    const left = this.read(a);
    const right = this.read(b);
    const to = this.write(out);
    this.#multiply(left, right, to, batch, m, n, k, Number(transposeA), Number(transposeB), batchStrideA, batchStrideB);
    this.finish();
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
    const offset = bias === null ? 0 : this.read(bias);
    this.#transform(this.read(x), this.read(weight), offset, this.write(out), n, inFeatures, outFeatures);
    this.finish();
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
    const offset = bias === null ? 0 : this.read(bias);
    const to = this.write(out);
    this.#transform(this.read(x), this.read(weight), offset, to, n, inFeatures, outFeatures);
    this.parallel.unary(RELU, to, to, out.length, this.kernels.blocksOf(out.length), out.length);
    this.finish();
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
    const { kernels, parallel } = this;
    let from = this.read(g);
    if (y !== null) {
      const passed = this.scratch(4 * g.length);
      parallel.reluBackward(from, this.read(y), passed, g.length, kernels.blocksOf(g.length), g.length);
      from = passed;
    }
    if (db !== null) parallel.columnSums(from, this.write(db), n, outFeatures, Math.ceil(outFeatures / 4), g.length);
    if (dx !== null) this.#multiply(from, this.read(weight), this.write(dx), 1, n, inFeatures, outFeatures, 0, 0, 0, 0);
    if (dw !== null) {
      const ofX = this.read(x);
      const to = this.write(dw);
      if (n === 1) parallel.outerProduct(from, ofX, to, inFeatures, outFeatures, dw.length);
      else this.#multiply(from, ofX, to, 1, outFeatures, inFeatures, n, 1, 0, 0, 0);
    }
    this.finish();
  }

  /** Addresses; until `finish`, which is the caller's. */
  #multiply(
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
    const scratch = this.scratchOfEach(this.kernels.matmulScratch(m, n, k));
    const units = this.kernels.matmulUnits(batch, m, n, turnA, turnB);
    this.parallel.matmul(a, b, out, m, n, k, turnA, turnB, strideA, strideB, scratch, units, batch * m * n * k);
  }

  #transform(x: number, weight: number, bias: number, out: number, n: number, inFeatures: number, outFeatures: number): void {
    const units = this.kernels.dotUnits(n, outFeatures);
    this.parallel.dots(x, weight, bias, out, n, outFeatures, inFeatures, units, n * inFeatures * outFeatures);
  }
}
