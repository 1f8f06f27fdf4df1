// The one multiply-add of the hot loops: rounded twice in the module that everybody gets, so that its bits are the same on
// every machine; fused into one rounding, where the processor can, in the one that relaxed SIMD was enabled for.

/** sum + a · b in each lane. */
// @ts-ignore: decorator
@inline
export function madd(sum: v128, a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}
