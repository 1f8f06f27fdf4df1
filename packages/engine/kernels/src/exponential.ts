// exp and log of four floats at a time, by range reduction and a polynomial. The bits are the same in every lane and on every machine. The
// error bounds were measured on samples: for exp where its result is neither 0 nor Infinity, and for log on all positive finite floats
// (tests/engine/wasmFunctions.test.ts).

/** Returns e^x, at most 1 ulp off. Large results become Infinity, small results become subnormal and then 0, and a NaN stays a NaN. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // Outside of this range the result is 0 or Infinity. pmin and pmax return a NaN of their first operand.
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-104));
  const k = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)));
  // ln 2 in two parts. The first has few bits, so that its product with k is exact (Cody and Waite).
  let r = f32x4.sub(clamped, f32x4.mul(k, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(k, f32x4.splat(-2.12194440e-4)));
  // The polynomial of Cephes' expf: minimax on |r| <= ln(2)/2.
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  const result = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  // 2^k is computed as two factors, because 2^k may be outside the range of normal numbers. Only the last product is rounded.
  const exponent = i32x4.trunc_sat_f32x4_s(k);
  const half = i32x4.shr_s(exponent, 1);
  return f32x4.mul(f32x4.mul(result, powerOfTwo4(half)), powerOfTwo4(i32x4.sub(exponent, half)));
}

// @ts-ignore: decorator
@inline
function powerOfTwo4(exponent: v128): v128 {
  return i32x4.shl(i32x4.add(exponent, i32x4.splat(127)), 23);
}

/** Returns the natural logarithm, at most 1 ulp off. log(0) is -Infinity, the log of a negative number is NaN, and a NaN stays a NaN. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const subnormal = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const normal = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, subnormal);
  // Splits x into 2^exponent · m, where m is in [sqrt(1/2), sqrt(2)). The bits of sqrt(1/2) are subtracted first, because otherwise m would
  // be in [1, 2).
  const bits = i32x4.sub(normal, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.sub(i32x4.shr_s(bits, 23), v128.and(subnormal, i32x4.splat(23)));
  const m = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(m, f32x4.splat(1));
  const z = f32x4.mul(f, f);
  // The polynomial of Cephes' logf.
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.1514610310e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.1676998740e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(3.3333331174e-1));
  const e = f32x4.convert_i32x4_s(exponent);
  let y = f32x4.mul(f32x4.mul(p, f), z);
  y = f32x4.add(y, f32x4.mul(e, f32x4.splat(-2.12194440e-4)));
  y = f32x4.sub(y, f32x4.mul(z, f32x4.splat(0.5)));
  y = f32x4.add(f32x4.add(f, y), f32x4.mul(e, f32x4.splat(0.693359375)));
  // Infinity and NaN are returned unchanged. Below 0 the result is NaN, at 0 it is -Infinity.
  y = v128.bitselect(x, y, f32x4.eq(x, f32x4.splat(Infinity)));
  y = v128.bitselect(f32x4.splat(-Infinity), y, f32x4.eq(x, f32x4.splat(0)));
  return v128.bitselect(y, f32x4.splat(NaN), f32x4.ge(x, f32x4.splat(0)));
}

/** Returns the logarithm of a single number, with the same bits as log4. */
// @ts-ignore: decorator
@inline
export function logOf(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}
