// One step of SGD or of Adam's family for one parameter, in place. The formulas are torch.optim's single-tensor formulas, in the same
// order. Units are blocks (blocks.ts).
import { blockElements, blockStart } from './blocks';
import { loadUpTo4, storeUpTo4 } from './memory';

/** Computes a step of torch.optim.SGD. `velocity` is 0 without momentum; `keep` is 1 - dampening; `first`: velocity has no values yet. */
export function sgd(
  param: usize,
  grad: usize,
  velocity: usize,
  n: i32,
  learningRate: f32,
  momentum: f32,
  keep: f32,
  weightDecay: f32,
  nesterov: i32,
  first: i32,
  from: i32,
  to: i32,
): void {
  const start = blockStart(from);
  param += start;
  grad += start;
  if (velocity != 0) velocity += start;
  n = blockElements(n, from, to);
  const whole = n & ~3;
  const end = param + (<usize>whole << 2);
  for (; param < end; param += 16) {
    sgdStep(param, grad, velocity, 4, learningRate, momentum, keep, weightDecay, nesterov != 0, first != 0);
    grad += 16;
    if (velocity != 0) velocity += 16;
  }
  if (n > whole) sgdStep(param, grad, velocity, n - whole, learningRate, momentum, keep, weightDecay, nesterov != 0, first != 0);
}

/** Computes the step for one vector, of which only `n` elements exist. */
// @ts-ignore: decorator
@inline
function sgdStep(
  param: usize,
  grad: usize,
  velocity: usize,
  n: i32,
  learningRate: f32,
  momentum: f32,
  keep: f32,
  weightDecay: f32,
  nesterov: bool,
  first: bool,
): void {
  const p = loadUpTo4(param, n);
  let d = loadUpTo4(grad, n);
  if (weightDecay != 0) d = f32x4.add(d, f32x4.mul(f32x4.splat(weightDecay), p));
  if (velocity != 0) {
    let v = d;
    if (!first) v = f32x4.add(f32x4.mul(f32x4.splat(momentum), loadUpTo4(velocity, n)), f32x4.mul(f32x4.splat(keep), d));
    storeUpTo4(velocity, v, n);
    d = nesterov ? f32x4.add(d, f32x4.mul(f32x4.splat(momentum), v)) : v;
  }
  storeUpTo4(param, f32x4.sub(p, f32x4.mul(f32x4.splat(learningRate), d)), n);
}

/**
 * Computes a step of Adam's family: (meanFactor * mean + gradientFactor * g) / (sqrt(square) / root + eps). With `root` 0 there is no
 * division. `keep1` and `keep2` are 1 - beta1 and 1 - beta2. With AMSGrad, `largest` is not 0, and the largest second moment so far
 * replaces `square`.
 *
 * The mean is updated as mul_(beta1).add_(g), not as a linear interpolation (lerp). Both are correct, but they round differently, and the
 * recorded reference runs used mul_ and add_.
 */
export function adam(
  param: usize,
  grad: usize,
  mean: usize,
  square: usize,
  largest: usize,
  n: i32,
  meanFactor: f32,
  gradientFactor: f32,
  beta1: f32,
  keep1: f32,
  beta2: f32,
  keep2: f32,
  rootCorrection: f32,
  eps: f32,
  weightDecay: f32,
  from: i32,
  to: i32,
): void {
  const start = blockStart(from);
  param += start;
  grad += start;
  mean += start;
  square += start;
  if (largest != 0) largest += start;
  n = blockElements(n, from, to);
  const whole = n & ~3;
  const end = param + (<usize>whole << 2);
  for (; param < end; param += 16) {
    adamStep(param, grad, mean, square, largest, 4, meanFactor, gradientFactor, beta1, keep1, beta2, keep2, rootCorrection, eps, weightDecay);
    grad += 16;
    mean += 16;
    square += 16;
    if (largest != 0) largest += 16;
  }
  const rest = n - whole;
  if (rest > 0) {
    adamStep(param, grad, mean, square, largest, rest, meanFactor, gradientFactor, beta1, keep1, beta2, keep2, rootCorrection, eps, weightDecay);
  }
}

// @ts-ignore: decorator
@inline
function adamStep(
  param: usize,
  grad: usize,
  mean: usize,
  square: usize,
  largest: usize,
  n: i32,
  meanFactor: f32,
  gradientFactor: f32,
  beta1: f32,
  keep1: f32,
  beta2: f32,
  keep2: f32,
  rootCorrection: f32,
  eps: f32,
  weightDecay: f32,
): void {
  const p = loadUpTo4(param, n);
  let g = loadUpTo4(grad, n);
  if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(f32x4.splat(weightDecay), p));
  let m = loadUpTo4(mean, n);
  let v = loadUpTo4(square, n);
  m = f32x4.add(f32x4.mul(f32x4.splat(beta1), m), f32x4.mul(f32x4.splat(keep1), g));
  v = f32x4.add(f32x4.mul(f32x4.splat(beta2), v), f32x4.mul(f32x4.mul(f32x4.splat(keep2), g), g));
  storeUpTo4(mean, m, n);
  storeUpTo4(square, v, n);
  if (largest != 0) {
    v = f32x4.max(loadUpTo4(largest, n), v);
    storeUpTo4(largest, v, n);
  }
  const divisor =
    rootCorrection == 0 ? f32x4.splat(1) : f32x4.add(f32x4.div(f32x4.sqrt(v), f32x4.splat(rootCorrection)), f32x4.splat(eps));
  let step = f32x4.mul(f32x4.splat(meanFactor), f32x4.div(m, divisor));
  if (gradientFactor != 0) step = f32x4.add(step, f32x4.mul(f32x4.splat(gradientFactor), f32x4.div(g, divisor)));
  storeUpTo4(param, f32x4.sub(p, step), n);
}
