// One step of RMSprop, Adagrad, Adadelta or Adamax for one parameter, in place. SGD and Adam's family are in optimizers.ts. The formulas
// are torch.optim's single-tensor formulas, in the same order. Units are blocks (blocks.ts).
import { blockElements, blockStart } from './blocks';
import { loadUpTo4, storeUpTo4 } from './memory';

/**
 * Computes a step of torch.optim.RMSprop. With `decay` 1 and `share` 1 it is a step of torch.optim.Adagrad. The address `mean` is 0 if not
 * centered; the address `velocity` is 0 without momentum.
 */
export function rmsprop(
  param: usize,
  grad: usize,
  square: usize,
  mean: usize,
  velocity: usize,
  n: i32,
  learningRate: f32,
  decay: f32,
  share: f32,
  eps: f32,
  weightDecay: f32,
  momentum: f32,
  from: i32,
  to: i32,
): void {
  const start = blockStart(from);
  param += start;
  grad += start;
  square += start;
  if (mean != 0) mean += start;
  if (velocity != 0) velocity += start;
  n = blockElements(n, from, to);
  const rate = f32x4.splat(learningRate);
  const kept = f32x4.splat(decay);
  const taken = f32x4.splat(share);
  const small = f32x4.splat(eps);
  const ofParam = f32x4.splat(weightDecay);
  const ofVelocity = f32x4.splat(momentum);
  for (; n > 0; n -= 4) {
    const p = loadUpTo4(param, n);
    let g = loadUpTo4(grad, n);
    if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(ofParam, p));
    let v = f32x4.add(f32x4.mul(kept, loadUpTo4(square, n)), f32x4.mul(f32x4.mul(taken, g), g));
    storeUpTo4(square, v, n);
    if (mean != 0) {
      const m = f32x4.add(f32x4.mul(kept, loadUpTo4(mean, n)), f32x4.mul(taken, g));
      storeUpTo4(mean, m, n);
      // Rounding can make the difference negative, but a variance is not. max keeps a NaN.
      v = f32x4.max(f32x4.sub(v, f32x4.mul(m, m)), f32x4.splat(0));
      mean += 16;
    }
    let step = f32x4.div(g, f32x4.add(f32x4.sqrt(v), small));
    if (velocity != 0) {
      step = f32x4.add(f32x4.mul(ofVelocity, loadUpTo4(velocity, n)), step);
      storeUpTo4(velocity, step, n);
      velocity += 16;
    }
    storeUpTo4(param, f32x4.sub(p, f32x4.mul(rate, step)), n);
    param += 16;
    grad += 16;
    square += 16;
  }
}

/** Computes a step of torch.optim.Adadelta. `keep` is 1 - rho. */
export function adadelta(
  param: usize,
  grad: usize,
  square: usize,
  steps: usize,
  n: i32,
  learningRate: f32,
  rho: f32,
  keep: f32,
  eps: f32,
  weightDecay: f32,
  from: i32,
  to: i32,
): void {
  const start = blockStart(from);
  param += start;
  grad += start;
  square += start;
  steps += start;
  n = blockElements(n, from, to);
  const rate = f32x4.splat(learningRate);
  const kept = f32x4.splat(rho);
  const taken = f32x4.splat(keep);
  const small = f32x4.splat(eps);
  const ofParam = f32x4.splat(weightDecay);
  for (; n > 0; n -= 4) {
    const p = loadUpTo4(param, n);
    let g = loadUpTo4(grad, n);
    if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(ofParam, p));
    const v = f32x4.add(f32x4.mul(kept, loadUpTo4(square, n)), f32x4.mul(f32x4.mul(taken, g), g));
    storeUpTo4(square, v, n);
    const d = loadUpTo4(steps, n);
    const delta = f32x4.mul(f32x4.div(f32x4.sqrt(f32x4.add(d, small)), f32x4.sqrt(f32x4.add(v, small))), g);
    storeUpTo4(steps, f32x4.add(f32x4.mul(kept, d), f32x4.mul(f32x4.mul(taken, delta), delta)), n);
    storeUpTo4(param, f32x4.sub(p, f32x4.mul(rate, delta)), n);
    param += 16;
    grad += 16;
    square += 16;
    steps += 16;
  }
}

/**
 * Computes a step of torch.optim.Adamax. `stepSize` is the learning rate divided by the bias correction of the mean, `keep1` is 1 - beta1.
 */
export function adamax(
  param: usize,
  grad: usize,
  mean: usize,
  largest: usize,
  n: i32,
  stepSize: f32,
  keep1: f32,
  beta2: f32,
  eps: f32,
  weightDecay: f32,
  from: i32,
  to: i32,
): void {
  const start = blockStart(from);
  param += start;
  grad += start;
  mean += start;
  largest += start;
  n = blockElements(n, from, to);
  const size = f32x4.splat(stepSize);
  const k1 = f32x4.splat(keep1);
  const b2 = f32x4.splat(beta2);
  const small = f32x4.splat(eps);
  const decay = f32x4.splat(weightDecay);
  for (; n > 0; n -= 4) {
    const p = loadUpTo4(param, n);
    let g = loadUpTo4(grad, n);
    if (weightDecay != 0) g = f32x4.add(g, f32x4.mul(decay, p));
    let m = loadUpTo4(mean, n);
    m = f32x4.add(m, f32x4.mul(k1, f32x4.sub(g, m)));
    const u = f32x4.max(f32x4.mul(b2, loadUpTo4(largest, n)), f32x4.add(f32x4.abs(g), small));
    storeUpTo4(mean, m, n);
    storeUpTo4(largest, u, n);
    storeUpTo4(param, f32x4.sub(p, f32x4.mul(size, f32x4.div(m, u))), n);
    param += 16;
    grad += 16;
    mean += 16;
    largest += 16;
  }
}
