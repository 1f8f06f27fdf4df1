// Mixes the samples of a batch with their partners. The partner of a sample is the one before it in the batch; that of the first sample is
// the last one (the batch rolled by one, as in torchvision). The parameter alpha and the mixture of targets are shared by mixup and cutmix.
import { z } from 'zod';

/** The schema of alpha. */
export const alphaSchema = z.number().min(0.01).max(1000).default(1);

/** Calls `mix` for each row of `size` values and the row of its partner, as it was before the mixture. */
export function withPartners(
  values: Float32Array,
  rows: number,
  size: number,
  mix: (own: Float32Array, partner: Float32Array) => void,
): void {
  const row = (index: number): Float32Array => values.subarray(index * size, (index + 1) * size);
  // The rows are mixed from the last to the first, so that each partner is still unchanged, except for the last row.
  const last = row(rows - 1).slice();
  for (let i = rows - 1; i >= 0; i--) mix(row(i), i === 0 ? last : row(i - 1));
}

/** Computes share · own + (1 - share) · partner for all rows, in float32 as torchvision does. */
export function blendWithPartners(values: Float32Array, rows: number, size: number, share: number): void {
  const ownShare = Math.fround(share);
  const partnerShare = Math.fround(1 - share);
  withPartners(values, rows, size, (own, partner) => {
    for (let i = 0; i < size; i++) own[i] = Math.fround(partner[i] * partnerShare) + Math.fround(own[i] * ownShare);
  });
}

/** The function {@link blendWithPartners} in Python. */
export const pythonBlendPartners = `def blend_with_partners(values, share):
    return values.roll(1, 0).mul(1.0 - share).add(values.mul(share))`;
