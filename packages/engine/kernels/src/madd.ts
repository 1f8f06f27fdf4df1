// The multiply-add of the most frequent loops. In the default module it is rounded twice, so that its bits are the same on every machine.
// In the module with relaxed SIMD it is rounded once, if the processor has a fused instruction.

/** Computes sum + a · b in each lane. */
// @ts-ignore: decorator
@inline
export function madd(sum: v128, a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}
