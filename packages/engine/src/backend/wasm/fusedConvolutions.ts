// Convolutions with relu and max-pooling on the wasm backend. convVariant.ts and pooledVariant.ts choose the kernels.
import type { FusedKernels } from '../fusedKernels.ts';
import type { WasmContext } from './context.ts';
import { type ConvVariant, convVariant } from './convVariant.ts';
import { convReluPool, sparseConvBackward } from './pooledConv.ts';
import { type PooledChoice, pooledBackward, pooledForward } from './pooledVariant.ts';
import { winograd, winogradBackward } from './winograd.ts';

type FusedConvolutions = Omit<FusedKernels, 'linearRelu' | 'linearBackward'>;

/**
 * Returns the fused kernels of convolutions.
 * @param forced a variant to use wherever it applies.
 * @param pooled variants to use for convolutions with max-pooling, wherever they apply.
 * @param composed the kernels for convolutions that have no faster fused kernel.
 */
export function fusedConvolutions(
  context: WasmContext,
  forced: ConvVariant | undefined,
  pooled: PooledChoice,
  composed: FusedConvolutions,
): FusedConvolutions {
  return {
    conv2dRelu(x, weight, bias, out, geometry) {
      if (convVariant(geometry, forced) === 'winograd') winograd(context, x, weight, bias, out, null, geometry, true);
      else composed.conv2dRelu(x, weight, bias, out, geometry);
    },

    conv2dBackward(g, y, x, weight, dx, dw, db, geometry, mayChangeG = false) {
      // A bias's gradient comes with the weight's.
      if (convVariant(geometry, forced) === 'winograd' && (dw !== null || db === null)) {
        winogradBackward(context, g, y, null, x, weight, dx, dw, db, geometry);
      } else composed.conv2dBackward(g, y, x, weight, dx, dw, db, geometry, mayChangeG);
    },

    conv2dReluPool(x, weight, bias, out, indices, geometry, pool) {
      const variant = pooledForward(geometry, pool, convVariant(geometry, forced) === 'winograd', pooled.forward);
      if (variant === 'winograd') winograd(context, x, weight, bias, out, indices, geometry, true);
      else if (variant === 'direct' || variant === 'tiled') convReluPool(variant, context, x, weight, bias, out, indices, geometry);
      else composed.conv2dReluPool(x, weight, bias, out, indices, geometry, pool);
    },

    conv2dReluPoolBackward(g, y, indices, x, weight, dx, dw, db, geometry, pool) {
      const isWinograd = convVariant(geometry, forced) === 'winograd';
      const variant = pooledBackward(geometry, pool, isWinograd, pooled.backward);
      if (variant === 'winograd' && (dw !== null || db === null)) winogradBackward(context, g, y, indices, x, weight, dx, dw, db, geometry);
      else if (variant === 'sparse') sparseConvBackward(context, g, y, indices, x, weight, dx, dw, db, geometry);
      else composed.conv2dReluPoolBackward(g, y, indices, x, weight, dx, dw, db, geometry, pool);
    },
  };
}
