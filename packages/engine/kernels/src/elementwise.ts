// Element-wise kernels over arrays of one length. Each loop handles whole vectors and then one partial vector. The same instructions
// compute both, so an element's bits do not depend on its position. Units are blocks (blocks.ts). Broadcasting is in broadcast.ts.
import { blockElements, blockStart } from './blocks';
import { ABS, ADD, DIV, EXP, LOG, MAXIMUM, MUL, NEG, POW, RELU, SQRT, SQUARE, SUB } from './definitions.generated';
import { exp4, log4 } from './exponential';
import { loadTail, storeTail } from './memory';

export function fill(out: usize, n: i32, value: f32): void {
  const v = f32x4.splat(value);
  for (; n >= 4; n -= 4) {
    v128.store(out, v);
    out += 16;
  }
  if (n > 0) storeTail(out, v, n);
}

/** Does the same as `fill`, divided into units. */
export function fillBlocks(out: usize, n: i32, value: f32, from: i32, to: i32): void {
  fill(out + blockStart(from), blockElements(n, from, to), value);
}

export function copy(x: usize, out: usize, n: i32, from: i32, to: i32): void {
  const start = blockStart(from);
  memory.copy(out + start, x + start, <usize>blockElements(n, from, to) << 2);
}

// @ts-ignore: decorator
@inline
function unaryLanes(op: i32, x: v128): v128 {
  return op == NEG
    ? f32x4.neg(x)
    : op == EXP
      ? exp4(x)
      : op == LOG
        ? log4(x)
        : op == SQRT
          ? f32x4.sqrt(x)
          : op == SQUARE
            ? f32x4.mul(x, x)
            : op == ABS
              ? f32x4.abs(x)
              : f32x4.pmax(x, f32x4.splat(0)); // pmax(x, 0) keeps a NaN, pmax(0, x) would not
}

// @ts-ignore: decorator
@inline
function unaryLoop(op: i32, x: usize, out: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    v128.store(out, unaryLanes(op, v128.load(x)));
    x += 16;
    out += 16;
  }
  if (n > 0) storeTail(out, unaryLanes(op, loadTail(x, n)), n);
}

/** Computes out = op(x). */
export function unary(op: i32, x: usize, out: usize, n: i32, from: i32, to: i32): void {
  x += blockStart(from);
  out += blockStart(from);
  n = blockElements(n, from, to);
  switch (op) {
    case NEG:
      unaryLoop(NEG, x, out, n);
      break;
    case EXP:
      unaryLoop(EXP, x, out, n);
      break;
    case LOG:
      unaryLoop(LOG, x, out, n);
      break;
    case SQRT:
      unaryLoop(SQRT, x, out, n);
      break;
    case SQUARE:
      unaryLoop(SQUARE, x, out, n);
      break;
    case ABS:
      unaryLoop(ABS, x, out, n);
      break;
    default:
      unaryLoop(RELU, x, out, n);
  }
}

/** Computes a op b, lane by lane. */
// @ts-ignore: decorator
@inline
export function binaryLanes(op: i32, a: v128, b: v128): v128 {
  return op == ADD
    ? f32x4.add(a, b)
    : op == SUB
      ? f32x4.sub(a, b)
      : op == MUL
        ? f32x4.mul(a, b)
        : op == DIV
          ? f32x4.div(a, b)
          : op == MAXIMUM
            ? f32x4.max(a, b)
            : pow4(a, b);
}

/** Computes a to the power b in float64 and rounds it. It is correctly rounded except for rare ties. */
function pow4(a: v128, b: v128): v128 {
  let result = f32x4.splat(power(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  result = f32x4.replace_lane(result, 1, power(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  result = f32x4.replace_lane(result, 2, power(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(result, 3, power(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

// @ts-ignore: decorator
@inline
function power(a: f32, b: f32): f32 {
  // For these operands C and PyTorch return 1. ECMAScript, and so NativeMath, returns NaN for some of them.
  if (a == 1 || (a == -1 && abs(b) == Infinity)) return 1;
  return <f32>NativeMath.pow(a, b);
}

// @ts-ignore: decorator
@inline
function scalarLoop(op: i32, a: usize, scalar: f32, out: usize, n: i32): void {
  const b = f32x4.splat(scalar);
  for (; n >= 4; n -= 4) {
    v128.store(out, binaryLanes(op, v128.load(a), b));
    a += 16;
    out += 16;
  }
  if (n > 0) storeTail(out, binaryLanes(op, loadTail(a, n), b), n);
}

// @ts-ignore: decorator
@inline
function cubeLoop(a: usize, out: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    const x = v128.load(a);
    v128.store(out, f32x4.mul(f32x4.mul(x, x), x));
    a += 16;
    out += 16;
  }
  const x = loadTail(a, n);
  if (n > 0) storeTail(out, f32x4.mul(f32x4.mul(x, x), x), n);
}

// @ts-ignore: decorator
@inline
function reciprocalLoop(a: usize, out: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (; n >= 4; n -= 4) {
    v128.store(out, f32x4.div(one, v128.load(a)));
    a += 16;
    out += 16;
  }
  if (n > 0) storeTail(out, f32x4.div(one, loadTail(a, n)), n);
}

/** Computes out = a op scalar. Powers that need only a few operations are computed without the logarithm. */
export function binaryScalar(op: i32, a: usize, scalar: f32, out: usize, n: i32, from: i32, to: i32): void {
  a += blockStart(from);
  out += blockStart(from);
  n = blockElements(n, from, to);
  switch (op) {
    case ADD:
      scalarLoop(ADD, a, scalar, out, n);
      break;
    case SUB:
      scalarLoop(SUB, a, scalar, out, n);
      break;
    case MUL:
      scalarLoop(MUL, a, scalar, out, n);
      break;
    case DIV:
      scalarLoop(DIV, a, scalar, out, n);
      break;
    case MAXIMUM:
      scalarLoop(MAXIMUM, a, scalar, out, n);
      break;
    default:
      if (scalar == 0) fill(out, n, 1);
      else if (scalar == 1) memory.copy(out, a, (<usize>n) << 2);
      else if (scalar == 2) unaryLoop(SQUARE, a, out, n);
      else if (scalar == 3) cubeLoop(a, out, n);
      else if (scalar == 0.5) unaryLoop(SQRT, a, out, n);
      else if (scalar == -1) reciprocalLoop(a, out, n);
      else scalarLoop(POW, a, scalar, out, n);
  }
}

/** Computes out += alpha * x. */
export function addScaled(x: usize, alpha: f32, out: usize, n: i32, from: i32, to: i32): void {
  x += blockStart(from);
  out += blockStart(from);
  n = blockElements(n, from, to);
  const factor = f32x4.splat(alpha);
  for (; n >= 4; n -= 4) {
    v128.store(out, f32x4.add(v128.load(out), f32x4.mul(factor, v128.load(x))));
    x += 16;
    out += 16;
  }
  if (n > 0) storeTail(out, f32x4.add(loadTail(out, n), f32x4.mul(factor, loadTail(x, n))), n);
}

/** Computes relu's gradient dx from the result's gradient g: 0 where x <= 0, and g elsewhere. As in PyTorch, dx is g where x is NaN. */
export function reluBackward(g: usize, x: usize, dx: usize, n: i32, from: i32, to: i32): void {
  const start = blockStart(from);
  g += start;
  x += start;
  dx += start;
  n = blockElements(n, from, to);
  const zero = f32x4.splat(0);
  for (; n >= 4; n -= 4) {
    v128.store(dx, v128.andnot(v128.load(g), f32x4.le(v128.load(x), zero)));
    g += 16;
    x += 16;
    dx += 16;
  }
  if (n > 0) storeTail(dx, v128.andnot(loadTail(g, n), f32x4.le(loadTail(x, n), zero)), n);
}
