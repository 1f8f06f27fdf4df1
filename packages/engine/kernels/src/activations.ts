// Activations and their gradients, both computed from the activation's input. All elements go through the same vector instructions, so an
// element's bits do not depend on its position. Units are blocks (blocks.ts). tanh is here; the other functions and their error bounds are
// in smooth.ts.
import { blockElements, blockStart } from './blocks';
import {
  CLAMP,
  ELU,
  ERF,
  GELU,
  GELU_TANH,
  HARD_SIGMOID,
  HARD_SWISH,
  LEAKY_RELU,
  MISH,
  RELU6,
  SIGMOID,
  SILU,
  SOFTPLUS,
  TANH,
} from './definitions.generated';
import { exp4 } from './exponential';
import { loadTail, storeTail } from './memory';
import { eluBelow4, erf4, gelu4, geluTanh4, mish4, mishSlope4, normalCumulative4, sigmoid4, silu4, softplus4 } from './smooth';

// @ts-ignore: decorator
@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/**
 * Computes tanh as Cephes' tanhf does, at most 2 ulp off. Near 0 it uses a polynomial, because a difference of exponentials would lose
 * digits there.
 */
function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = splat(-5.70498872745e-3);
  p = f32x4.add(f32x4.mul(p, z), splat(2.06390887954e-2));
  p = f32x4.add(f32x4.mul(p, z), splat(-5.37397155531e-2));
  p = f32x4.add(f32x4.mul(p, z), splat(1.33314422036e-1));
  p = f32x4.add(f32x4.mul(p, z), splat(-3.33332819422e-1));
  const near = f32x4.add(x, f32x4.mul(f32x4.mul(p, z), x));
  const far = f32x4.sub(splat(1), f32x4.div(splat(2), f32x4.add(exp4(f32x4.add(size, size)), splat(1))));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(size, splat(0.625)));
}

// @ts-ignore: decorator
@inline
function geluTanhInner4(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  return f32x4.mul(splat(0.79788456080286536), f32x4.add(x, f32x4.mul(splat(0.044715), cube)));
}

// @ts-ignore: decorator
@inline
function where(condition: v128, yes: v128, no: v128): v128 {
  return v128.bitselect(yes, no, condition);
}

/** Computes the function's value. `a` and `b` are the function's parameters; functions without parameters ignore them. */
// @ts-ignore: decorator
@inline
function value(op: i32, x: v128, a: f32, b: f32): v128 {
  if (op == SIGMOID) return sigmoid4(x);
  if (op == TANH) return tanh4(x);
  if (op == SILU) return silu4(x);
  if (op == SOFTPLUS) {
    const scaled = f32x4.mul(x, splat(a));
    return where(f32x4.gt(scaled, splat(b)), x, softplus4(x, a));
  }
  if (op == GELU) return gelu4(x);
  if (op == GELU_TANH) return geluTanh4(x);
  if (op == ERF) return erf4(x);
  if (op == LEAKY_RELU) return where(f32x4.gt(x, splat(0)), x, f32x4.mul(splat(a), x));
  if (op == ELU) return where(f32x4.gt(x, splat(0)), x, eluBelow4(x, a));
  if (op == RELU6) return f32x4.pmin(f32x4.pmax(x, splat(0)), splat(6));
  if (op == HARD_SIGMOID) return f32x4.div(f32x4.pmin(f32x4.pmax(f32x4.add(x, splat(3)), splat(0)), splat(6)), splat(6));
  if (op == MISH) return mish4(x);
  if (op == HARD_SWISH) {
    const gate = f32x4.pmin(f32x4.pmax(f32x4.add(x, splat(3)), splat(0)), splat(6));
    return f32x4.div(f32x4.mul(x, gate), splat(6));
  }
  return f32x4.pmin(f32x4.pmax(x, splat(a)), splat(b));
}

/** Computes the function's slope. */
// @ts-ignore: decorator
@inline
function slope(op: i32, x: v128, a: f32, b: f32): v128 {
  if (op == SIGMOID) {
    const y = sigmoid4(x);
    return f32x4.mul(y, f32x4.sub(splat(1), y));
  }
  if (op == TANH) {
    const y = tanh4(x);
    return f32x4.sub(splat(1), f32x4.mul(y, y));
  }
  if (op == SILU) {
    const y = sigmoid4(x);
    return f32x4.mul(y, f32x4.add(splat(1), f32x4.mul(x, f32x4.sub(splat(1), y))));
  }
  if (op == SOFTPLUS) {
    const scaled = f32x4.mul(x, splat(a));
    return where(f32x4.gt(scaled, splat(b)), splat(1), sigmoid4(scaled));
  }
  if (op == GELU) {
    const density = f32x4.mul(splat(0.3989422804014327), exp4(f32x4.mul(splat(-0.5), f32x4.mul(x, x))));
    return f32x4.add(normalCumulative4(x), f32x4.mul(x, density));
  }
  if (op == GELU_TANH) {
    const t = tanh4(geluTanhInner4(x));
    const inner = f32x4.mul(splat(0.79788456080286536), f32x4.add(splat(1), f32x4.mul(splat(0.134145), f32x4.mul(x, x))));
    const ofTanh = f32x4.mul(f32x4.mul(x, f32x4.sub(splat(1), f32x4.mul(t, t))), inner);
    return f32x4.mul(splat(0.5), f32x4.add(f32x4.add(splat(1), t), ofTanh));
  }
  if (op == ERF) return f32x4.mul(splat(1.1283791670955126), exp4(f32x4.neg(f32x4.mul(x, x))));
  if (op == LEAKY_RELU) return where(f32x4.gt(x, splat(0)), splat(1), splat(a));
  if (op == ELU) return where(f32x4.gt(x, splat(0)), splat(1), f32x4.mul(splat(a), exp4(x)));
  if (op == RELU6) return v128.and(splat(1), v128.and(f32x4.gt(x, splat(0)), f32x4.lt(x, splat(6))));
  if (op == HARD_SIGMOID) {
    return v128.and(splat(0.16666666666666666), v128.and(f32x4.gt(x, splat(-3)), f32x4.lt(x, splat(3))));
  }
  if (op == MISH) return mishSlope4(x);
  if (op == HARD_SWISH) {
    const middle = f32x4.add(f32x4.div(x, splat(3)), splat(0.5));
    return where(f32x4.lt(x, splat(-3)), splat(0), where(f32x4.le(x, splat(3)), middle, splat(1)));
  }
  return v128.and(splat(1), v128.and(f32x4.ge(x, splat(a)), f32x4.le(x, splat(b))));
}

// @ts-ignore: decorator
@inline
function forward(op: i32, x: usize, out: usize, n: i32, a: f32, b: f32): void {
  for (; n >= 4; n -= 4) {
    v128.store(out, value(op, v128.load(x), a, b));
    x += 16;
    out += 16;
  }
  if (n > 0) storeTail(out, value(op, loadTail(x, n), a, b), n);
}

// @ts-ignore: decorator
@inline
function backward(op: i32, g: usize, x: usize, dx: usize, n: i32, a: f32, b: f32): void {
  for (; n >= 4; n -= 4) {
    v128.store(dx, f32x4.mul(v128.load(g), slope(op, v128.load(x), a, b)));
    g += 16;
    x += 16;
    dx += 16;
  }
  if (n > 0) storeTail(dx, f32x4.mul(loadTail(g, n), slope(op, loadTail(x, n), a, b)), n);
}

/** Computes out = op(x). */
export function activation(op: i32, x: usize, out: usize, n: i32, a: f32, b: f32, from: i32, to: i32): void {
  x += blockStart(from);
  out += blockStart(from);
  n = blockElements(n, from, to);
  if (op == SIGMOID) forward(SIGMOID, x, out, n, a, b);
  else if (op == TANH) forward(TANH, x, out, n, a, b);
  else if (op == SILU) forward(SILU, x, out, n, a, b);
  else if (op == SOFTPLUS) forward(SOFTPLUS, x, out, n, a, b);
  else if (op == GELU) forward(GELU, x, out, n, a, b);
  else if (op == GELU_TANH) forward(GELU_TANH, x, out, n, a, b);
  else if (op == LEAKY_RELU) forward(LEAKY_RELU, x, out, n, a, b);
  else if (op == ELU) forward(ELU, x, out, n, a, b);
  else if (op == RELU6) forward(RELU6, x, out, n, a, b);
  else if (op == HARD_SWISH) forward(HARD_SWISH, x, out, n, a, b);
  else if (op == HARD_SIGMOID) forward(HARD_SIGMOID, x, out, n, a, b);
  else if (op == MISH) forward(MISH, x, out, n, a, b);
  else if (op == ERF) forward(ERF, x, out, n, a, b);
  else forward(CLAMP, x, out, n, a, b);
}

/** Computes dx = g * op'(x). */
export function activationBackward(op: i32, g: usize, x: usize, dx: usize, n: i32, a: f32, b: f32, from: i32, to: i32): void {
  const start = blockStart(from);
  g += start;
  x += start;
  dx += start;
  n = blockElements(n, from, to);
  if (op == SIGMOID) backward(SIGMOID, g, x, dx, n, a, b);
  else if (op == TANH) backward(TANH, g, x, dx, n, a, b);
  else if (op == SILU) backward(SILU, g, x, dx, n, a, b);
  else if (op == SOFTPLUS) backward(SOFTPLUS, g, x, dx, n, a, b);
  else if (op == GELU) backward(GELU, g, x, dx, n, a, b);
  else if (op == GELU_TANH) backward(GELU_TANH, g, x, dx, n, a, b);
  else if (op == LEAKY_RELU) backward(LEAKY_RELU, g, x, dx, n, a, b);
  else if (op == ELU) backward(ELU, g, x, dx, n, a, b);
  else if (op == RELU6) backward(RELU6, g, x, dx, n, a, b);
  else if (op == HARD_SWISH) backward(HARD_SWISH, g, x, dx, n, a, b);
  else if (op == HARD_SIGMOID) backward(HARD_SIGMOID, g, x, dx, n, a, b);
  else if (op == MISH) backward(MISH, g, x, dx, n, a, b);
  else if (op == ERF) backward(ERF, g, x, dx, n, a, b);
  else backward(CLAMP, g, x, dx, n, a, b);
}
