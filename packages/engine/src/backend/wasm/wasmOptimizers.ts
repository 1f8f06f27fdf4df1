// The optimizers' part of the wasm backend: brings each update to its kernel (packages/engine/kernels/src/optimizers.ts and adaptive.ts).
import type { FloatArray } from '../backend.ts';
import type { AdadeltaStep, AdamaxStep, AdamStep, OptimizerKernels, RmspropStep, SgdStep } from '../optimizerKernels.ts';
import { WasmElementwise } from './wasmElementwise.ts';

export class WasmOptimizers extends WasmElementwise implements OptimizerKernels {
  sgd(param: FloatArray, grad: FloatArray, momentumBuffer: FloatArray | null, options: SgdStep): void {
    const { learningRate, momentum, dampening, weightDecay, nesterov, first } = options;
    const velocity = this.#optional(momentumBuffer);
    const to = this.update(param);
    const from = this.read(grad);
    const { length } = param;
    this.parallel.sgd(
      to,
      from,
      velocity,
      length,
      learningRate,
      momentum,
      1 - dampening,
      weightDecay,
      Number(nesterov),
      Number(first),
      this.kernels.blocksOf(length),
      length,
    );
    this.finish();
  }

  adam(
    param: FloatArray,
    grad: FloatArray,
    expAvg: FloatArray,
    expAvgSq: FloatArray,
    maxExpAvgSq: FloatArray | null,
    options: AdamStep,
  ): void {
    const { beta1, beta2, eps, weightDecay, meanFactor, gradientFactor, rootCorrection } = options;
    this.parallel.adam(
      this.update(param),
      this.read(grad),
      this.update(expAvg),
      this.update(expAvgSq),
      this.#optional(maxExpAvgSq),
      param.length,
      meanFactor,
      gradientFactor,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      rootCorrection ?? 0,
      eps,
      weightDecay,
      this.kernels.blocksOf(param.length),
      2 * param.length,
    );
    this.finish();
  }

  rmsprop(
    param: FloatArray,
    grad: FloatArray,
    squareAvg: FloatArray,
    gradAvg: FloatArray | null,
    momentumBuffer: FloatArray | null,
    options: RmspropStep,
  ): void {
    const { learningRate, decay, share, eps, weightDecay, momentum } = options;
    this.parallel.rmsprop(
      this.update(param),
      this.read(grad),
      this.update(squareAvg),
      this.#optional(gradAvg),
      this.#optional(momentumBuffer),
      param.length,
      learningRate,
      decay,
      share,
      eps,
      weightDecay,
      momentum,
      this.kernels.blocksOf(param.length),
      2 * param.length,
    );
    this.finish();
  }

  adadelta(param: FloatArray, grad: FloatArray, squareAvg: FloatArray, accDelta: FloatArray, options: AdadeltaStep): void {
    const { learningRate, rho, eps, weightDecay } = options;
    const to = this.update(param);
    const from = this.read(grad);
    const square = this.update(squareAvg);
    const delta = this.update(accDelta);
    const units = this.kernels.blocksOf(param.length);
    this.parallel.adadelta(to, from, square, delta, param.length, learningRate, rho, 1 - rho, eps, weightDecay, units, 2 * param.length);
    this.finish();
  }

  adamax(param: FloatArray, grad: FloatArray, expAvg: FloatArray, expInf: FloatArray, options: AdamaxStep): void {
    const { stepSize, beta1, beta2, eps, weightDecay } = options;
    const to = this.update(param);
    const from = this.read(grad);
    const mean = this.update(expAvg);
    const largest = this.update(expInf);
    const units = this.kernels.blocksOf(param.length);
    this.parallel.adamax(to, from, mean, largest, param.length, stepSize, 1 - beta1, beta2, eps, weightDecay, units, 2 * param.length);
    this.finish();
  }

  /** The address of an operand that may be missing: 0 then. */
  #optional(x: FloatArray | null): number {
    return x === null ? 0 : this.update(x);
  }
}
