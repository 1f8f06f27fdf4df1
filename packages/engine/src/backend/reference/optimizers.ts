// The optimizers' kernels as plain loops, in the order of torch.optim's single-tensor formulas.
import type { OptimizerKernels } from '../optimizerKernels.ts';

export const optimizers: OptimizerKernels = {
  sgd(param, grad, momentumBuffer, options) {
    const { learningRate, momentum, dampening, weightDecay, nesterov, first } = options;
    for (let i = 0; i < param.length; i++) {
      let step = grad[i] + weightDecay * param[i];
      if (momentumBuffer !== null) {
        const velocity = first ? step : momentum * momentumBuffer[i] + (1 - dampening) * step;
        momentumBuffer[i] = velocity;
        step = nesterov ? step + momentum * velocity : velocity;
      }
      param[i] -= learningRate * step;
    }
  },

  adam(param, grad, expAvg, expAvgSq, maxExpAvgSq, options) {
    const { beta1, beta2, eps, weightDecay, meanFactor, gradientFactor, rootCorrection } = options;
    for (let i = 0; i < param.length; i++) {
      const g = grad[i] + weightDecay * param[i];
      const average = beta1 * expAvg[i] + (1 - beta1) * g;
      let averageSq = beta2 * expAvgSq[i] + (1 - beta2) * g * g;
      expAvg[i] = average;
      expAvgSq[i] = averageSq;
      if (maxExpAvgSq !== null) {
        averageSq = Math.max(maxExpAvgSq[i], averageSq);
        maxExpAvgSq[i] = averageSq;
      }
      const denominator = rootCorrection === null ? 1 : Math.sqrt(averageSq) / rootCorrection + eps;
      param[i] -= (meanFactor * average + gradientFactor * g) / denominator;
    }
  },

  rmsprop(param, grad, squareAvg, gradAvg, momentumBuffer, options) {
    const { learningRate, decay, share, eps, weightDecay, momentum } = options;
    for (let i = 0; i < param.length; i++) {
      const g = grad[i] + weightDecay * param[i];
      let variance = decay * squareAvg[i] + share * g * g;
      squareAvg[i] = variance;
      if (gradAvg !== null) {
        const average = decay * gradAvg[i] + share * g;
        gradAvg[i] = average;
        // Rounding can make the difference negative, but a variance is not.
        variance = Math.max(variance - average * average, 0);
      }
      let step = g / (Math.sqrt(variance) + eps);
      if (momentumBuffer !== null) {
        step += momentum * momentumBuffer[i];
        momentumBuffer[i] = step;
      }
      param[i] -= learningRate * step;
    }
  },

  adadelta(param, grad, squareAvg, accDelta, options) {
    const { learningRate, rho, eps, weightDecay } = options;
    for (let i = 0; i < param.length; i++) {
      const g = grad[i] + weightDecay * param[i];
      const average = rho * squareAvg[i] + (1 - rho) * g * g;
      squareAvg[i] = average;
      const delta = (Math.sqrt(accDelta[i] + eps) / Math.sqrt(average + eps)) * g;
      accDelta[i] = rho * accDelta[i] + (1 - rho) * delta * delta;
      param[i] -= learningRate * delta;
    }
  },

  adamax(param, grad, expAvg, expInf, options) {
    const { stepSize, beta1, beta2, eps, weightDecay } = options;
    for (let i = 0; i < param.length; i++) {
      const g = grad[i] + weightDecay * param[i];
      const average = beta1 * expAvg[i] + (1 - beta1) * g;
      const largest = Math.max(beta2 * expInf[i], Math.abs(g) + eps);
      expAvg[i] = average;
      expInf[i] = largest;
      param[i] -= (stepSize * average) / largest;
    }
  },
};
