// The optimizers' kernels on the wasm backend (packages/engine/kernels/src/optimizers.ts and adaptive.ts).
import type { OptimizerKernels } from '../optimizerKernels.ts';
import type { FloatArray } from '../types.ts';
import type { WasmContext } from './context.ts';
import type { WasmMemory } from './memory.ts';

export function optimizers({ memory, kernels, parallel }: WasmContext): OptimizerKernels {
  return {
    sgd(param, grad, momentumBuffer, options) {
      const { learningRate, momentum, dampening, weightDecay, nesterov, first } = options;
      const velocity = optional(memory, momentumBuffer);
      const to = memory.update(param);
      const from = memory.read(grad);
      const { length } = param;
      parallel.sgd(
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
        kernels.blocksOf(length),
        length,
      );
      memory.finish();
    },

    adam(param, grad, expAvg, expAvgSq, maxExpAvgSq, options) {
      const { beta1, beta2, eps, weightDecay, meanFactor, gradientFactor, rootCorrection } = options;
      parallel.adam(
        memory.update(param),
        memory.read(grad),
        memory.update(expAvg),
        memory.update(expAvgSq),
        optional(memory, maxExpAvgSq),
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
        kernels.blocksOf(param.length),
        2 * param.length,
      );
      memory.finish();
    },

    rmsprop(param, grad, squareAvg, gradAvg, momentumBuffer, options) {
      const { learningRate, decay, share, eps, weightDecay, momentum } = options;
      parallel.rmsprop(
        memory.update(param),
        memory.read(grad),
        memory.update(squareAvg),
        optional(memory, gradAvg),
        optional(memory, momentumBuffer),
        param.length,
        learningRate,
        decay,
        share,
        eps,
        weightDecay,
        momentum,
        kernels.blocksOf(param.length),
        2 * param.length,
      );
      memory.finish();
    },

    adadelta(param, grad, squareAvg, accDelta, options) {
      const { learningRate, rho, eps, weightDecay } = options;
      const to = memory.update(param);
      const from = memory.read(grad);
      const square = memory.update(squareAvg);
      const delta = memory.update(accDelta);
      const units = kernels.blocksOf(param.length);
      parallel.adadelta(to, from, square, delta, param.length, learningRate, rho, 1 - rho, eps, weightDecay, units, 2 * param.length);
      memory.finish();
    },

    adamax(param, grad, expAvg, expInf, options) {
      const { stepSize, beta1, beta2, eps, weightDecay } = options;
      const to = memory.update(param);
      const from = memory.read(grad);
      const mean = memory.update(expAvg);
      const largest = memory.update(expInf);
      const units = kernels.blocksOf(param.length);
      parallel.adamax(to, from, mean, largest, param.length, stepSize, 1 - beta1, beta2, eps, weightDecay, units, 2 * param.length);
      memory.finish();
    },
  };
}

/** Returns the address of an operand that the kernel reads and writes, or 0 for null. */
const optional = (memory: WasmMemory, x: FloatArray | null): number => (x === null ? 0 : memory.update(x));
