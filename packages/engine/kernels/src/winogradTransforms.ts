// The transforms of Winograd's algorithm F(4×4, 3×3) with the interpolation points 0, ±√½, ±√2 and ∞ (Lavin and Gray, "Fast algorithms for
// convolutional neural networks", 2015). A lane is a channel. A tile is transformed in two passes, along its rows and then along its
// columns. These points need as many operations as ±1 and ±2, and the results are five times as accurate. With p one of ±√½, ±√2 (p² + 1/p²
// = 5/2), the one-dimensional transforms are
//   of the input:   M(x)/(x − p) of M = x(x² − ½)(x² − 2), and in the same way for p = 0 and ∞;
//   of the weights: (g₀ + p·g₁ + p²·g₂) / M′(p), M′ = 1, −3/2, 6; and g₂ for ∞;
//   of the results: y_i = Σ pⁱ·m_p, and m_∞ is added to the last one.
// Gradients use the transposed transforms.

/** Constants as whole vectors in memory, because V8 would otherwise build them at every use. */
// prettier-ignore
const CONSTANTS = memory.data<f32>([
  2.5, 2.5, 2.5, 2.5,
  0.5, 0.5, 0.5, 0.5,
  0.7071067811865476, 0.7071067811865476, 0.7071067811865476, 0.7071067811865476,
  1.4142135623730951, 1.4142135623730951, 1.4142135623730951, 1.4142135623730951,
  0.3535533905932738, 0.3535533905932738, 0.3535533905932738, 0.3535533905932738,
  2.8284271247461903, 2.8284271247461903, 2.8284271247461903, 2.8284271247461903,
  0.6666666666666666, 0.6666666666666666, 0.6666666666666666, 0.6666666666666666,
  0.3333333333333333, 0.3333333333333333, 0.3333333333333333, 0.3333333333333333,
  0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.16666666666666666,
  0.4714045207910317, 0.4714045207910317, 0.4714045207910317, 0.4714045207910317,
  0.23570226039551584, 0.23570226039551584, 0.23570226039551584, 0.23570226039551584,
  -2.5, -2.5, -2.5, -2.5,
], 16);

// @ts-ignore: decorator
@inline
function constant(index: usize): v128 {
  return v128.load(CONSTANTS + (index << 4));
}
const FIVE_HALVES: usize = 0;
const HALF: usize = 1;
/** √½, √2, and their cubes. */
const ROOT_HALF: usize = 2;
const ROOT_2: usize = 3;
const ROOT_HALF_CUBED: usize = 4;
const ROOT_2_CUBED: usize = 5;
const TWO_THIRDS: usize = 6;
const THIRD: usize = 7;
const SIXTH: usize = 8;
/** ⅔·√½ and ⅙·√2. */
const TWO_THIRDS_ROOT_HALF: usize = 9;
const SIXTH_ROOT_2: usize = 10;
const MINUS_FIVE_HALVES: usize = 11;

/** Transforms six elements of the input to six frequencies, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function inputToFrequencies(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const fiveHalves = constant(FIVE_HALVES);
  const rootHalf = constant(ROOT_HALF);
  const root2 = constant(ROOT_2);
  v128.store(to, f32x4.sub(f32x4.add(d0, d4), f32x4.mul(fiveHalves, d2)));
  v128.store(to + 5 * step, f32x4.sub(f32x4.add(d1, d5), f32x4.mul(fiveHalves, d3)));
  const even1 = f32x4.sub(d4, f32x4.add(d2, d2));
  const odd1 = f32x4.sub(f32x4.mul(rootHalf, d3), f32x4.mul(root2, d1));
  v128.store(to + step, f32x4.add(even1, odd1));
  v128.store(to + 2 * step, f32x4.sub(even1, odd1));
  const even2 = f32x4.sub(d4, f32x4.mul(constant(HALF), d2));
  const odd2 = f32x4.sub(f32x4.mul(root2, d3), f32x4.mul(rootHalf, d1));
  v128.store(to + 3 * step, f32x4.add(even2, odd2));
  v128.store(to + 4 * step, f32x4.sub(even2, odd2));
}

/** Transforms three weights to six frequencies. */
// @ts-ignore: decorator
@inline
export function weightsToFrequencies(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const third = f32x4.mul(constant(THIRD), g2);
  v128.store(to, g0);
  v128.store(to + 5 * step, g2);
  const even1 = f32x4.sub(f32x4.neg(f32x4.mul(constant(TWO_THIRDS), g0)), third);
  const odd1 = f32x4.mul(constant(TWO_THIRDS_ROOT_HALF), g1);
  v128.store(to + step, f32x4.sub(even1, odd1));
  v128.store(to + 2 * step, f32x4.add(even1, odd1));
  const even2 = f32x4.add(f32x4.mul(constant(SIXTH), g0), third);
  const odd2 = f32x4.mul(constant(SIXTH_ROOT_2), g1);
  v128.store(to + 3 * step, f32x4.add(even2, odd2));
  v128.store(to + 4 * step, f32x4.sub(even2, odd2));
}

/** Transforms four gradients of results to six frequencies. The transform is the transpose of the transform of results. */
// @ts-ignore: decorator
@inline
export function gradientsToFrequencies(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  v128.store(to, y0);
  v128.store(to + 5 * step, y3);
  const even1 = f32x4.add(y0, f32x4.mul(constant(HALF), y2));
  const odd1 = f32x4.add(f32x4.mul(constant(ROOT_HALF), y1), f32x4.mul(constant(ROOT_HALF_CUBED), y3));
  v128.store(to + step, f32x4.add(even1, odd1));
  v128.store(to + 2 * step, f32x4.sub(even1, odd1));
  const even2 = f32x4.add(y0, f32x4.add(y2, y2));
  const odd2 = f32x4.add(f32x4.mul(constant(ROOT_2), y1), f32x4.mul(constant(ROOT_2_CUBED), y3));
  v128.store(to + 3 * step, f32x4.add(even2, odd2));
  v128.store(to + 4 * step, f32x4.sub(even2, odd2));
}

// The next four functions compute four results from six frequencies: from m₀, m₅, and the sums and differences of the pairs ±√½ and ±√2.

// @ts-ignore: decorator
@inline
export function result0(m0: v128, sum1: v128, sum2: v128): v128 {
  return f32x4.add(m0, f32x4.add(sum1, sum2));
}

// @ts-ignore: decorator
@inline
export function result1(difference1: v128, difference2: v128): v128 {
  return f32x4.add(f32x4.mul(constant(ROOT_HALF), difference1), f32x4.mul(constant(ROOT_2), difference2));
}

// @ts-ignore: decorator
@inline
export function result2(sum1: v128, sum2: v128): v128 {
  return f32x4.add(f32x4.mul(constant(HALF), sum1), f32x4.add(sum2, sum2));
}

// @ts-ignore: decorator
@inline
export function result3(m5: v128, difference1: v128, difference2: v128): v128 {
  return f32x4.add(m5, f32x4.add(f32x4.mul(constant(ROOT_HALF_CUBED), difference1), f32x4.mul(constant(ROOT_2_CUBED), difference2)));
}

// The next functions compute the gradients of six elements of the input from the same numbers. Together they are the transpose of
// inputToFrequencies. The first gradient is m₀, and the last gradient is m₅.

// @ts-ignore: decorator
@inline
export function element1(m5: v128, difference1: v128, difference2: v128): v128 {
  return f32x4.sub(m5, f32x4.add(f32x4.mul(constant(ROOT_2), difference1), f32x4.mul(constant(ROOT_HALF), difference2)));
}

// @ts-ignore: decorator
@inline
export function element2(m0: v128, sum1: v128, sum2: v128): v128 {
  return f32x4.sub(f32x4.sub(f32x4.mul(constant(MINUS_FIVE_HALVES), m0), f32x4.add(sum1, sum1)), f32x4.mul(constant(HALF), sum2));
}

// @ts-ignore: decorator
@inline
export function element3(m5: v128, difference1: v128, difference2: v128): v128 {
  const roots = f32x4.add(f32x4.mul(constant(ROOT_HALF), difference1), f32x4.mul(constant(ROOT_2), difference2));
  return f32x4.add(roots, f32x4.mul(constant(MINUS_FIVE_HALVES), m5));
}

// @ts-ignore: decorator
@inline
export function element4(m0: v128, sum1: v128, sum2: v128): v128 {
  return f32x4.add(m0, f32x4.add(sum1, sum2));
}

/** Transforms six frequencies to the gradients of three weights. This is the transpose of weightsToFrequencies. */
// @ts-ignore: decorator
@inline
export function frequenciesToWeights(u0: v128, u1: v128, u2: v128, u3: v128, u4: v128, u5: v128, to: usize, step: usize): void {
  const sum1 = f32x4.add(u1, u2);
  const sum2 = f32x4.add(u3, u4);
  const sixths = f32x4.sub(f32x4.mul(constant(SIXTH), sum2), f32x4.mul(constant(TWO_THIRDS), sum1));
  v128.store(to, f32x4.add(u0, sixths));
  const odd1 = f32x4.mul(constant(TWO_THIRDS_ROOT_HALF), f32x4.sub(u1, u2));
  const odd2 = f32x4.mul(constant(SIXTH_ROOT_2), f32x4.sub(u3, u4));
  v128.store(to + step, f32x4.sub(odd2, odd1));
  v128.store(to + 2 * step, f32x4.add(u5, f32x4.mul(constant(THIRD), f32x4.sub(sum2, sum1))));
}
