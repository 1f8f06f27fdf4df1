// Which kernels compute a convolution: chosen here and nowhere else, from its shapes alone and never from its batch, so that
// a sample's results are the same bits in any batch, on any machine, with any number of threads.
import type { ConvGeometry } from '../backend.ts';

/**
 * `depthwise`: every channel sees only itself. `winograd`: 3 × 3 kernels of stride 1, with 36 products where `direct` takes 144.
 * `direct`: everything.
 */
export const convVariants = ['direct', 'depthwise', 'winograd'] as const;
export type ConvVariant = (typeof convVariants)[number];

/** Channels on both sides from which Winograd's fewer products outweigh its transforms. */
const WINOGRAD_CHANNELS = 3;

export const isDepthwise = ({ groups, inChannels, outChannels }: ConvGeometry): boolean => groups === inChannels && groups === outChannels;

/** Whether Winograd's algorithm applies: its transforms know 3 × 3 kernels, and more padding than 2 would only add results of nothing. */
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

/** @param forced a variant to prefer wherever it applies. */
export function convVariant(geometry: ConvGeometry, forced: ConvVariant | null): ConvVariant {
  const { inChannels, outChannels } = geometry;
  if (forced === 'direct') return 'direct';
  if (isDepthwise(geometry) && !(forced === 'winograd' && fitsWinograd(geometry))) return 'depthwise';
  if (!fitsWinograd(geometry)) return 'direct';
  return forced === 'winograd' || Math.min(inChannels, outChannels) >= WINOGRAD_CHANNELS ? 'winograd' : 'direct';
}
