// Chooses the kernels of a convolution. The choice depends only on the shapes of a sample and never on the batch size. So a sample's
// results have the same bits in any batch, on any machine, with any number of threads.
import type { ConvGeometry } from '../types.ts';

/**
 * `depthwise`: every channel sees only itself. `winograd`: 3 × 3 kernels of stride 1, with 36 products where `direct` takes 144.
 * `direct`: everything.
 */
export const convVariants = ['direct', 'depthwise', 'winograd'] as const;
export type ConvVariant = (typeof convVariants)[number];

/** With at least this many input channels and output channels, Winograd's algorithm saves more time than its transforms cost. */
const WINOGRAD_CHANNELS = 3;

/** Returns whether each channel has a kernel of its own. */
export const isDepthwise = ({ groups, inChannels, outChannels }: ConvGeometry): boolean => groups === inChannels && groups === outChannels;

/**
 * Returns whether Winograd's algorithm applies. It does not apply to padding of more than 2: the results that such padding adds read no
 * input.
 */
export const fitsWinograd = (geometry: ConvGeometry): boolean =>
  geometry.kernelHeight === 3 &&
  geometry.kernelWidth === 3 &&
  geometry.strideHeight === 1 &&
  geometry.strideWidth === 1 &&
  geometry.dilationHeight === 1 &&
  geometry.dilationWidth === 1 &&
  geometry.groups === 1 &&
  geometry.padTop <= 2 &&
  geometry.padLeft <= 2;

/**
 * Returns the variant of a convolution.
 * @param forced a variant to use wherever it applies.
 */
export function convVariant(geometry: ConvGeometry, forced: ConvVariant | undefined): ConvVariant {
  const { inChannels, outChannels } = geometry;
  if (forced === 'direct') return 'direct';
  if (isDepthwise(geometry) && !(forced === 'winograd' && fitsWinograd(geometry))) return 'depthwise';
  if (!fitsWinograd(geometry)) return 'direct';
  return forced === 'winograd' || Math.min(inChannels, outChannels) >= WINOGRAD_CHANNELS ? 'winograd' : 'direct';
}
