// Elementary functions in float64 with the same results on every machine, for random draws, schedulers and everything else that must be
// reproducible. ECMAScript lets platforms round Math.exp and similar functions differently. Only + - * /, sqrt, floor and fround give the
// same result everywhere, so this file uses only them, bit access, and BigInt for huge angles. The kernels for tensors have their own
// float32 versions. The error bounds were measured by comparison with mpmath, which computed with 200 bits.

/** A number as the sum high + low, where |low| <= ulp(high)/2. It has about 106 significant bits (Dekker 1971). */
export type Pair = readonly [high: number, low: number];

// ln 2 as a sum of two numbers. The first one has 38 fractional bits, so that its product with the binary exponent of a double is exact.
const LN2_HIGH = 0.6931471805582987;
const LN2_LOW = 1.6465949582897082e-12;
const TWO_POW_54 = 18014398509481984;

const bits = new DataView(new ArrayBuffer(8));

/** Returns 2^exponent exactly, for whole exponents from -1022 to 1023 (the exponents of normal numbers). */
function powerOfTwo(exponent: number): number {
  bits.setUint32(0, (exponent + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** Returns x · 2^exponent for x in [0.5, 2]. If the result is subnormal, it is rounded once more. */
function scaleByPowerOfTwo(x: number, exponent: number): number {
  if (exponent > 1023) {
    return x * 2 * powerOfTwo(exponent - 1);
  }
  if (exponent < -1022) {
    return (x * powerOfTwo(exponent + 54)) / TWO_POW_54;
  }
  return x * powerOfTwo(exponent);
}

/** Splits a finite x > 0 into m · 2^exponent with m in [√½, √2]. */
function splitExponent(x: number): readonly [m: number, exponent: number] {
  let exponent = -1023;
  if (x < 2.2250738585072014e-308) {
    x *= TWO_POW_54;
    exponent -= 54;
  }
  bits.setFloat64(0, x);
  const head = bits.getUint32(0);
  exponent += head >>> 20;
  bits.setUint32(0, (head & 0xfffff) | 0x3ff00000);
  const m = bits.getFloat64(0);
  return m > Math.SQRT2 ? [m / 2, exponent + 1] : [m, exponent];
}

/** Returns c[0] + x·c[1] + x²·c[2] + …, by Horner's rule. */
function polynomial(x: number, coefficients: readonly number[]): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i -= 1) {
    sum = sum * x + coefficients[i];
  }
  return sum;
}

function inverseFactorials(orders: readonly number[], sign: (index: number) => number): number[] {
  return orders.map((n, index) => {
    let factorial = 1;
    for (let i = 2; i <= n; i += 1) {
      factorial *= i;
    }
    return sign(index) / factorial;
  });
}

// Coefficients of the Taylor series of exp, sin, cos and atanh, without the first terms, which the functions add separately. The next
// coefficient after each list would change the result by less than 0.05 ulp. All factorials up to 18! are exact.
const alternating = (index: number): number => (index % 2 === 0 ? -1 : 1);
const EXP_TAIL = inverseFactorials([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], () => 1);
const SIN_TAIL = inverseFactorials([3, 5, 7, 9, 11, 13, 15, 17], alternating);
const COS_TAIL = inverseFactorials([4, 6, 8, 10, 12, 14, 16, 18], (index) => -alternating(index));
// 2·atanh(s)/s - 2 = z·(2/3 + z·2/5 + …) with z = s².
const ATANH_TAIL = [3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25].map((n) => 2 / n);

/** Returns exp(high + low) for a {@link Pair} with a finite high. */
function expOfPair(high: number, low: number): number {
  if (high > 710) {
    return Infinity;
  }
  if (high < -746) {
    return 0;
  }
  const k = Math.floor(high * Math.LOG2E + 0.5);
  const reduced = high - k * LN2_HIGH;
  const correction = low - k * LN2_LOW;
  const r = reduced + correction;
  const rest = reduced - r + correction;
  // The two largest rounding errors are made by 1 + r and by the final addition. `lost` is the error of 1 + r, and is added back below.
  const sum = 1 + r;
  const lost = restOfSum(1, r, sum);
  return scaleByPowerOfTwo(sum + (lost + (rest + r * r * polynomial(r, EXP_TAIL))), k);
}

/** Returns e^x. The error is below 0.75 ulp. It uses Cody–Waite reduction by ln 2, then a Taylor polynomial on |r| <= 0.347. */
export function exp(x: number): number {
  return Number.isFinite(x) ? expOfPair(x, 0) : x < 0 ? 0 : x;
}

/**
 * Returns log(1 + f) + exponent·ln 2 + extra, for 1 + f in [√½, √2] and |extra| <= 2^-53. With s = f/(2+f),
 * log(1+f) = 2·atanh(s) = f - f²/2 + s·(f²/2 + 2s²/3 + 2s⁴/5 + …). The first term, f, is exact, so only smaller terms have rounding errors.
 */
function logOfParts(f: number, exponent: number, extra: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const halfSquare = 0.5 * f * f;
  const tail = s * (halfSquare + z * polynomial(z, ATANH_TAIL)) + (exponent * LN2_LOW + extra);
  return exponent * LN2_HIGH - (halfSquare - tail - f);
}

/** Returns the natural logarithm. The error is below 0.9 ulp. log(±0) is -Infinity, and the log of a negative number is NaN. */
export function log(x: number): number {
  if (!(x > 0)) {
    return x === 0 ? -Infinity : NaN;
  }
  if (x === Infinity) {
    return x;
  }
  const [m, exponent] = splitExponent(x);
  return logOfParts(m - 1, exponent, 0);
}

/** Returns log(1 + x), also accurate for tiny x. The error is below 0.9 ulp. log1p(-1) is -Infinity. For x below -1 the result is NaN. */
export function log1p(x: number): number {
  if (!(x > -1)) {
    return x === -1 ? -Infinity : NaN;
  }
  if (Math.abs(x) < 1 / TWO_POW_54 || x === Infinity) {
    return x;
  }
  if (x > -0.2928 && x < 0.4142) {
    return logOfParts(x, 0, 0);
  }
  // `lost` is the rounding error of u = 1 + x, so log(1 + x) = log(u + lost). Because `lost` is tiny, this is log(u) + lost/u.
  const [u, lost] = twoSum(1, x);
  const [m, exponent] = splitExponent(u);
  return logOfParts(m - 1, exponent, lost / u);
}

// π/2 as a sum of four numbers. The first three have 33 bits each, so that their products with a whole number below 2^20 are exact.
const HALF_PI_PARTS = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32] as const;
const CODY_WAITE_LIMIT = 1048576;

/**
 * Splits x, with |x| < 2^20, into quadrant·π/2 + high + low with |high| <= π/4 (Cody and Waite 1980). The quadrant is returned modulo 4.
 */
function reduceAngle(x: number): readonly [quadrant: number, high: number, low: number] {
  const n = Math.floor(x * (2 / Math.PI) + 0.5);
  const first = x - n * HALF_PI_PARTS[0];
  const [second, secondRest] = twoSum(first, -n * HALF_PI_PARTS[1]);
  const [third, thirdRest] = twoSum(second, -n * HALF_PI_PARTS[2]);
  const rest = secondRest + thirdRest - n * HALF_PI_PARTS[3];
  const [high, low] = twoSum(third, rest);
  return [((n % 4) + 4) % 4, high, low];
}

// floor(2/π · 2^1200) and floor(π/2 · 2^192). With 1200 bits of 2/π, even the product with the largest double has more than 170 correct
// bits after the binary point.
const TWO_OVER_PI_BITS = 1200n;
const TWO_OVER_PI =
  0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7bn;
const HALF_PI_BITS = 192n;
const HALF_PI = 0x1921fb54442d18469898cc51701b839a252049c1114cf98e8n;

/**
 * Does the same as {@link reduceAngle}, for |x| >= 2^20. It multiplies x by 2/π as big integers, and splits the product into a quadrant and
 * a fraction (after Payne and Hanek 1983).
 */
function reduceHugeAngle(x: number): readonly [quadrant: number, high: number, low: number] {
  const [m, exponent] = splitExponent(Math.abs(x));
  const product = BigInt(m * TWO_POW_54) * TWO_OVER_PI;
  const shift = BigInt(exponent - 54);
  const turns = shift < 0n ? product >> -shift : product << shift;
  const quadrant = (turns + (1n << (TWO_OVER_PI_BITS - 1n))) >> TWO_OVER_PI_BITS;
  const fraction = (turns - (quadrant << TWO_OVER_PI_BITS)) >> (TWO_OVER_PI_BITS - HALF_PI_BITS);
  const angle = (fraction * HALF_PI) >> HALF_PI_BITS;
  const high = Number(angle);
  const low = Number(angle - BigInt(high));
  const unit = x < 0 ? -powerOfTwo(-Number(HALF_PI_BITS)) : powerOfTwo(-Number(HALF_PI_BITS));
  return [Number(x < 0 ? -quadrant & 3n : quadrant & 3n), high * unit, low * unit];
}

function sinNearZero(high: number, low: number): number {
  const z = high * high;
  return high + (z * high * polynomial(z, SIN_TAIL) + low * (1 - 0.5 * z));
}

function cosNearZero(high: number, low: number): number {
  const z = high * high;
  const half = 0.5 * z;
  const leading = 1 - half;
  return leading + (1 - leading - half + (z * z * polynomial(z, COS_TAIL) - high * low));
}

/** Returns sin(x + quarterTurns·π/2). */
function sinShifted(x: number, quarterTurns: number): number {
  if (!Number.isFinite(x)) {
    return NaN;
  }
  const [quadrant, high, low] = Math.abs(x) < CODY_WAITE_LIMIT ? reduceAngle(x) : reduceHugeAngle(x);
  const turn = (quadrant + quarterTurns) % 4;
  const value = turn % 2 === 0 ? sinNearZero(high, low) : cosNearZero(high, low);
  return turn < 2 ? value : -value;
}

/** Returns the sine of x in radians. The error is below 0.9 ulp for every finite x. The sine of an infinity is NaN. */
export function sin(x: number): number {
  return x === 0 ? x : sinShifted(x, 0);
}

/** Returns the cosine of x in radians. The error is below 0.9 ulp for every finite x. The cosine of an infinity is NaN. */
export function cos(x: number): number {
  return sinShifted(x, 1);
}

/** Returns a + b exactly, as a pair (Knuth). */
function twoSum(a: number, b: number): Pair {
  const sum = a + b;
  return [sum, restOfSum(a, b, sum)];
}

/** Returns the rounding error of a + b, whose rounded value is `sum`. */
function restOfSum(a: number, b: number, sum: number): number {
  const added = sum - a;
  return a - (sum - added) + (b - added);
}

/** Returns a · b exactly, as a pair, if nothing overflows or underflows (Veltkamp and Dekker). JavaScript has no fused multiply-add. */
function twoProduct(a: number, b: number): Pair {
  const product = a * b;
  return [product, restOfProduct(a, b, product)];
}

/** Returns the rounding error of a · b, whose rounded value is `product`. */
function restOfProduct(a: number, b: number, product: number): number {
  const aScaled = 134217729 * a;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = 134217729 * b;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function addPairs(a: Pair, b: Pair): Pair {
  const [sum, rest] = twoSum(a[0], b[0]);
  return twoSum(sum, rest + a[1] + b[1]);
}

function multiplyPairs(a: Pair, b: Pair): Pair {
  const [product, rest] = twoProduct(a[0], b[0]);
  return twoSum(product, rest + (a[0] * b[1] + a[1] * b[0]));
}

function dividePairs(a: Pair, b: Pair): Pair {
  const quotient = a[0] / b[0];
  const [product, rest] = twoProduct(quotient, b[0]);
  return twoSum(quotient, (a[0] - product - rest + a[1] - quotient * b[1]) / b[0]);
}

// The coefficients 1/7, 1/9, 1/11, … of atanh's series. These terms are small, so single numbers are accurate enough. The terms 1, 1/3 and
// 1/5 need pairs.
const ATANH_FAR_TAIL = [7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27].map((n) => 1 / n);
const ONE: Pair = [1, 0];
const THIRD = dividePairs(ONE, [3, 0]);
const FIFTH = dividePairs(ONE, [5, 0]);

/** Returns log(x) for a finite x > 0 as a pair. The relative error is about 2^-68. */
export function logAsPair(x: number): Pair {
  const [m, exponent] = splitExponent(x);
  const s = dividePairs([m - 1, 0], twoSum(m, 1));
  const z = multiplyPairs(s, s);
  const inner = addPairs(FIFTH, multiplyPairs(z, [polynomial(z[0], ATANH_FAR_TAIL), 0]));
  const series = addPairs(ONE, multiplyPairs(z, addPairs(THIRD, multiplyPairs(z, inner))));
  const ofMantissa = multiplyPairs([2 * s[0], 2 * s[1]], series);
  return addPairs(twoSum(exponent * LN2_HIGH, exponent * LN2_LOW), ofMantissa);
}

/** Returns |x|^y for a finite non-zero x and a finite non-zero y. */
function powOfMagnitude(magnitude: number, y: number): number {
  return magnitude === 1 ? 1 : powOfLogarithm(logAsPair(magnitude), y);
}

/**
 * Returns x^y for a positive x other than 1 and a finite non-zero y: the same double as {@link pow}. @param logarithm {@link logAsPair} of
 * x
 */
export function powOfLogarithm(logarithm: Pair, y: number): number {
  const estimate = y * logarithm[0];
  // The result is Infinity, 0 or 1, so a pair is not needed. With a pair, the product could overflow for a huge y and underflow for a tiny
  // y.
  if (Math.abs(estimate) > 800 || Math.abs(estimate) < 1 / TWO_POW_54) {
    return expOfPair(estimate, 0);
  }
  // Computes the same as multiplyPairs, but creates no pair, because optimizers call this function in every step.
  const rest = restOfProduct(y, logarithm[0], estimate) + y * logarithm[1];
  const high = estimate + rest;
  return expOfPair(high, restOfSum(estimate, rest, high));
}

/**
 * Returns x^y with the special cases of Math.pow: NaN for pow(±1, ±Infinity) and for a negative x with a fractional y. The error is below
 * 0.75 ulp. If a double can represent x^y exactly, the result is that double, because the logarithm is computed as a pair.
 */
export function pow(x: number, y: number): number {
  if (y === 0) {
    return 1;
  }
  const isInteger = Math.floor(y) === y;
  if (Number.isNaN(x) || Number.isNaN(y) || (x < 0 && Number.isFinite(x) && !isInteger)) {
    return NaN;
  }
  const magnitude = Math.abs(x);
  const isOdd = isInteger && Math.abs(y) <= Number.MAX_SAFE_INTEGER && y % 2 !== 0;
  const isNegative = isOdd && (x < 0 || Object.is(x, -0));
  let result: number;
  if (!Number.isFinite(y)) {
    result = magnitude === 1 ? NaN : magnitude > 1 === y > 0 ? Infinity : 0;
  } else if (magnitude === 0 || magnitude === Infinity) {
    result = magnitude > 1 === y > 0 ? Infinity : 0;
  } else {
    result = powOfMagnitude(magnitude, y);
  }
  return isNegative ? -result : result;
}

/**
 * Returns the hyperbolic tangent. The relative error is below 3e-16. For |x| < 0.5 it computes Lambert's continued fraction, otherwise it
 * uses exp.
 */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size < 0.5) {
    let denominator = 21;
    for (let odd = 19; odd >= 1; odd -= 2) denominator = odd + (x * x) / denominator;
    return x / denominator;
  }
  const value = 1 - 2 / (exp(2 * size) + 1);
  return x < 0 ? -value : value;
}
