// Sigmoid, SiLU, mish, softplus, ELU, erf and both forms of GELU, four floats at a time. They are at most 1 ulp off, measured on samples from all
// finite floats (tests/engine/wasmFunctions.test.ts). They are computed in float64 by polynomials with an error of 1e-9, so that only the
// last rounding to float32 matters. The bits are the same in every lane and on every machine.

// @ts-ignore: decorator
@inline
function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}

// @ts-ignore: decorator
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 0, 1));
}

// @ts-ignore: decorator
@inline
function narrow(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
function splat(x: f64): v128 {
  return f64x2.splat(x);
}

/** Computes p · x + c, one step of Horner's rule. */
// @ts-ignore: decorator
@inline
function horner(p: v128, x: v128, c: f64): v128 {
  return f64x2.add(f64x2.mul(p, x), f64x2.splat(c));
}

/** Returns e^x, or e^x − 1 without losing digits near 0. The relative error is below 1e-9. x is limited to ±708, and a NaN stays a NaN. */
// @ts-ignore: decorator
@inline
function exponential2(x: v128, minusOne: bool): v128 {
  const clamped = f64x2.pmax(f64x2.pmin(x, splat(708)), splat(-708));
  const k = f64x2.nearest(f64x2.mul(clamped, splat(1.4426950408889634)));
  const r = f64x2.sub(clamped, f64x2.mul(k, splat(0.6931471805599453)));
  // Taylor polynomial on |r| <= ln(2)/2.
  let p = horner(splat(1.0 / 362880), r, 1.0 / 40320);
  p = horner(p, r, 1.0 / 5040);
  p = horner(p, r, 1.0 / 720);
  p = horner(p, r, 1.0 / 120);
  p = horner(p, r, 1.0 / 24);
  p = horner(p, r, 1.0 / 6);
  p = horner(p, r, 0.5);
  p = horner(p, r, 1);
  const exponent = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k));
  const scale = i64x2.shl(i64x2.add(exponent, i64x2.splat(1023)), 52);
  const grown = f64x2.mul(scale, f64x2.mul(p, r));
  return f64x2.add(grown, minusOne ? f64x2.sub(scale, splat(1)) : scale);
}

function exp2(x: v128): v128 {
  return exponential2(x, false);
}

function sigmoid2(x: v128): v128 {
  return f64x2.div(splat(1), f64x2.add(splat(1), exp2(f64x2.neg(x))));
}

/** Returns log(1 + t) for t in [0, 1] by the series of 2·artanh(t / (2 + t)), which loses no digits near 0. */
function logOnePlus2(t: v128): v128 {
  const s = f64x2.div(t, f64x2.add(t, splat(2)));
  const w = f64x2.mul(s, s);
  let p = horner(splat(1.0 / 19), w, 1.0 / 17);
  p = horner(p, w, 1.0 / 15);
  p = horner(p, w, 1.0 / 13);
  p = horner(p, w, 1.0 / 11);
  p = horner(p, w, 1.0 / 9);
  p = horner(p, w, 1.0 / 7);
  p = horner(p, w, 1.0 / 5);
  p = horner(p, w, 1.0 / 3);
  p = horner(p, w, 1);
  return f64x2.mul(f64x2.add(s, s), p);
}

/**
 * Returns erfc(z) for z >= 0 with a relative error of 1e-9: t · Q(t) · exp(−z²), where t = 3 / (3 + z). The polynomial Q is fitted at
 * Chebyshev points in 2t − 1.
 */
function erfc2(z: v128): v128 {
  const t = f64x2.div(splat(3), f64x2.add(splat(3), z));
  const u = f64x2.sub(f64x2.add(t, t), splat(1));
  let p = horner(splat(-3.4341594380812077e-6), u, -6.551970153381564e-6);
  p = horner(p, u, 3.291235672264434e-5);
  p = horner(p, u, 8.83278071713828e-5);
  p = horner(p, u, -1.8087381392746396e-4);
  p = horner(p, u, -1.0091414914854807e-3);
  p = horner(p, u, -4.04780568557697e-4);
  p = horner(p, u, 8.941790037550587e-3);
  p = horner(p, u, 3.9842691688426704e-2);
  p = horner(p, u, 1.0348916310365688e-1);
  p = horner(p, u, 1.9674278326933967e-1);
  p = horner(p, u, 2.944648150622967e-1);
  p = horner(p, u, 3.5800230242767034e-1);
  return f64x2.mul(f64x2.mul(t, p), exp2(f64x2.neg(f64x2.mul(z, z))));
}

function erf2(x: v128): v128 {
  const size = f64x2.abs(x);
  const w = f64x2.mul(x, x);
  // erf(x) / x as a polynomial in x² on [0, 1], fitted at Chebyshev points. The error is 4e-11.
  let p = horner(splat(-9.673591507476026e-6), w, 1.1268254110326276e-4);
  p = horner(p, w, -8.484396576375313e-4);
  p = horner(p, w, 5.221053414010734e-3);
  p = horner(p, w, -2.686543831092389e-2);
  p = horner(p, w, 1.128378262206699e-1);
  p = horner(p, w, -3.761263847599146e-1);
  p = horner(p, w, 1.1283791670623606);
  const far = f64x2.sub(splat(1), erfc2(size));
  const signed = v128.or(far, v128.and(x, i64x2.splat(0x8000000000000000)));
  return v128.bitselect(f64x2.mul(p, x), signed, f64x2.lt(size, splat(1)));
}

/** Returns the cumulative distribution function of the standard normal distribution. */
function normalCumulative2(x: v128): v128 {
  const tail = f64x2.mul(splat(0.5), erfc2(f64x2.mul(f64x2.abs(x), splat(0.7071067811865476))));
  return v128.bitselect(tail, f64x2.sub(splat(1), tail), f64x2.lt(x, splat(0)));
}

function silu2(x: v128): v128 {
  return f64x2.mul(x, sigmoid2(x));
}

/** Returns the numerator of mish's gate tanh(log(1 + e^x)), a fraction of z = e^(−|x|). */
// @ts-ignore: decorator
@inline
function mishNumerator2(z: v128, isNegative: v128): v128 {
  return v128.bitselect(f64x2.mul(z, f64x2.add(z, splat(2))), f64x2.add(splat(1), f64x2.add(z, z)), isNegative);
}

/** Returns the denominator of mish's gate. */
// @ts-ignore: decorator
@inline
function mishDenominator2(numerator: v128, z: v128, isNegative: v128): v128 {
  return f64x2.add(numerator, v128.bitselect(splat(2), f64x2.mul(splat(2), f64x2.mul(z, z)), isNegative));
}

function mish2(x: v128): v128 {
  const z = exp2(f64x2.neg(f64x2.abs(x)));
  const isNegative = f64x2.lt(x, splat(0));
  const numerator = mishNumerator2(z, isNegative);
  return f64x2.mul(x, f64x2.div(numerator, mishDenominator2(numerator, z, isNegative)));
}

function mishSlope2(x: v128): v128 {
  const z = exp2(f64x2.neg(f64x2.abs(x)));
  const isNegative = f64x2.lt(x, splat(0));
  const numerator = mishNumerator2(z, isNegative);
  const denominator = mishDenominator2(numerator, z, isNegative);
  const growth = f64x2.mul(f64x2.mul(splat(4), v128.bitselect(z, f64x2.mul(z, z), isNegative)), f64x2.add(splat(1), z));
  const ofGate = f64x2.div(growth, f64x2.mul(denominator, denominator));
  return f64x2.add(f64x2.div(numerator, denominator), f64x2.mul(x, ofGate));
}

function gelu2(x: v128): v128 {
  return f64x2.mul(x, normalCumulative2(x));
}

/** Returns x/2 · (1 + tanh(u)) = x · sigmoid(2u), where u = sqrt(2/π) · (x + 0.044715 x³). */
function geluTanh2(x: v128): v128 {
  const inner = f64x2.add(x, f64x2.mul(splat(0.044715), f64x2.mul(f64x2.mul(x, x), x)));
  return f64x2.mul(x, sigmoid2(f64x2.mul(splat(1.5957691216057308), inner)));
}

function softplus2(x: v128, beta: f64): v128 {
  const scaled = f64x2.mul(x, splat(beta));
  const log = logOnePlus2(exp2(f64x2.neg(f64x2.abs(scaled))));
  return f64x2.div(f64x2.add(f64x2.pmax(scaled, splat(0)), log), splat(beta));
}

function elu2(x: v128, alpha: f64): v128 {
  return f64x2.mul(splat(alpha), exponential2(x, true));
}

// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return narrow(sigmoid2(low(x)), sigmoid2(high(x)));
}

// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return narrow(silu2(low(x)), silu2(high(x)));
}

/** Returns x · tanh(log(1 + e^x)). */
// @ts-ignore: decorator
@inline
export function mish4(x: v128): v128 {
  return narrow(mish2(low(x)), mish2(high(x)));
}

/** Returns the derivative of mish. */
// @ts-ignore: decorator
@inline
export function mishSlope4(x: v128): v128 {
  return narrow(mishSlope2(low(x)), mishSlope2(high(x)));
}

// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  return narrow(gelu2(low(x)), gelu2(high(x)));
}

// @ts-ignore: decorator
@inline
export function geluTanh4(x: v128): v128 {
  return narrow(geluTanh2(low(x)), geluTanh2(high(x)));
}

/** Returns Φ(x), the cumulative distribution function of the standard normal distribution. */
// @ts-ignore: decorator
@inline
export function normalCumulative4(x: v128): v128 {
  return narrow(normalCumulative2(low(x)), normalCumulative2(high(x)));
}

/** Returns log(1 + e^(beta·x)) / beta. */
// @ts-ignore: decorator
@inline
export function softplus4(x: v128, beta: f32): v128 {
  return narrow(softplus2(low(x), beta), softplus2(high(x), beta));
}

/** Returns alpha · (e^x − 1). */
// @ts-ignore: decorator
@inline
export function eluBelow4(x: v128, alpha: f32): v128 {
  return narrow(elu2(low(x), alpha), elu2(high(x), alpha));
}

/** Returns the error function. ±0 is returned unchanged. */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  return narrow(erf2(low(x)), erf2(high(x)));
}
