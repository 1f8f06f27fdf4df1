// Chooses the kernels of a convolution with relu and max-pooling, from shapes alone.
import type { ConvGeometry, PoolGeometry } from '../types.ts';

/**
 * The ways to compute the pooled result. `direct`: tiles of 3 channels × 2 rows × 4 columns that read the images directly, for few
 * channels. `tiled`: tiles of 8 channels × 5 columns over images of repeated elements. `winograd`: Winograd's algorithm, whose tiles
 * contain whole windows. `composed`: convolution, relu and max-pooling one after the other.
 */
export const pooledForwards = ['composed', 'direct', 'tiled', 'winograd'] as const;
export type PooledForward = (typeof pooledForwards)[number];

/**
 * The ways to compute the gradients. `sparse`: visits only the positions whose gradient is not 0. `winograd`: moves the pooled gradients to
 * their positions in Winograd's tiles. `composed`: moves them to their positions in whole planes, and visits all positions.
 */
export const pooledBackwards = ['composed', 'sparse', 'winograd'] as const;
export type PooledBackward = (typeof pooledBackwards)[number];

/** Variants to use wherever they apply, instead of the choice by shapes. */
export interface PooledChoice {
  readonly forward?: PooledForward;
  readonly backward?: PooledBackward;
}

/** Up to this number of input channels, making an image of repeated elements takes more time than it saves. */
const FEW_CHANNELS = 4;
/** The most bytes of an image of repeated elements. The whole image is in memory at once. */
const LARGEST_IMAGE = 512 * 1024;

/** Returns whether the windows are 2 × 2, side by side and without padding, over a convolution of stride 1 without groups or dilation. */
function isPlain(conv: ConvGeometry, pool: PoolGeometry): boolean {
  return (
    conv.groups === 1 &&
    conv.strideHeight === 1 &&
    conv.strideWidth === 1 &&
    conv.dilationHeight === 1 &&
    conv.dilationWidth === 1 &&
    pool.kernelHeight === 2 &&
    pool.kernelWidth === 2 &&
    pool.strideHeight === 2 &&
    pool.strideWidth === 2 &&
    pool.padTop === 0 &&
    pool.padLeft === 0 &&
    pool.dilationHeight === 1 &&
    pool.dilationWidth === 1 &&
    pool.outHeight === pool.height >> 1 &&
    pool.outWidth === pool.width >> 1
  );
}

const fitsDirect = (conv: ConvGeometry, pool: PoolGeometry): boolean => isPlain(conv, pool) && conv.outChannels >= 3 && pool.outWidth >= 4;

const fitsTiled = (conv: ConvGeometry, pool: PoolGeometry): boolean =>
  isPlain(conv, pool) &&
  16 * conv.inChannels * (conv.height + conv.kernelHeight + conv.padTop) * (conv.width + conv.kernelWidth + conv.padLeft) <= LARGEST_IMAGE;

/**
 * Returns the way to compute the pooled result.
 * @param isWinograd whether the convolution is computed by Winograd's algorithm.
 */
export function pooledForward(
  conv: ConvGeometry,
  pool: PoolGeometry,
  isWinograd: boolean,
  forced: PooledForward | undefined,
): PooledForward {
  if (forced === 'composed' || !isPlain(conv, pool)) return 'composed';
  if (forced === 'direct' && fitsDirect(conv, pool)) return 'direct';
  if (forced === 'tiled' && fitsTiled(conv, pool)) return 'tiled';
  if (forced === 'winograd' && isWinograd) return 'winograd';
  if (conv.inChannels <= FEW_CHANNELS && fitsDirect(conv, pool)) return 'direct';
  if (isWinograd) return 'winograd';
  return conv.kernelHeight * conv.kernelWidth > 9 && fitsTiled(conv, pool) ? 'tiled' : 'composed';
}

/**
 * Returns the way to compute the gradients.
 * @param isWinograd whether the convolution is computed by Winograd's algorithm. If so, Winograd's algorithm also computes the gradients
 * faster than `sparse`.
 */
export function pooledBackward(
  conv: ConvGeometry,
  pool: PoolGeometry,
  isWinograd: boolean,
  forced: PooledBackward | undefined,
): PooledBackward {
  if (forced === 'composed' || !isPlain(conv, pool)) return 'composed';
  return forced === 'sparse' || !isWinograd ? 'sparse' : 'winograd';
}
