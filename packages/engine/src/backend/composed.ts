// Computes the fused kernels by calling a backend's other kernels one after the other. A backend uses this file if it has no fused kernel
// of its own, or no faster one for the given sizes.
import type { Backend, BackendParts } from './backend.ts';
import type { FusedKernels } from './fusedKernels.ts';
import type { FloatArray } from './types.ts';

/** Adds the missing fused kernels to a backend. */
export function completed(parts: BackendParts): Backend {
  const backend: Backend = { ...composedKernels(() => backend), ...parts };
  return backend;
}

/**
 * Returns all fused kernels, composed of a backend's other kernels. Each fused kernel frees its intermediate values when it ends.
 * @param backendOf returns the backend. It is a function because these kernels are made before the backend that contains them.
 */
export const composedKernels = (backendOf: () => Backend): FusedKernels => ({
  conv2dRelu(x, weight, bias, out, geometry) {
    const backend = backendOf();
    backend.conv2d(x, weight, bias, out, geometry);
    backend.unary('relu', out, out);
  },

  conv2dBackward(g, y, x, weight, dx, dw, db, geometry, mayChangeG = false) {
    const backend = backendOf();
    const mark = backend.enterArena();
    try {
      const { batch, outChannels, outHeight, outWidth } = geometry;
      const masked = passed(backend, g, y, mayChangeG);
      if (dx !== null) backend.conv2dBackwardInput(masked, weight, dx, geometry);
      if (dw !== null) backend.conv2dBackwardWeight(masked, x, dw, geometry);
      if (db !== null) backend.sumTo(masked, [batch, outChannels, outHeight, outWidth], db, [1, outChannels, 1, 1]);
    } finally {
      backend.leaveArena(mark);
    }
  },

  conv2dReluPool(x, weight, bias, out, indices, geometry, pool) {
    const backend = backendOf();
    const mark = backend.enterArena();
    try {
      const rectified = backend.allocate(pool.planes * pool.height * pool.width);
      backend.conv2dRelu(x, weight, bias, rectified, geometry);
      backend.maxPool2d(rectified, out, indices, pool);
    } finally {
      backend.leaveArena(mark);
    }
  },

  conv2dReluPoolBackward(g, y, indices, x, weight, dx, dw, db, geometry, pool) {
    const backend = backendOf();
    const mark = backend.enterArena();
    try {
      const spread = backend.allocate(pool.planes * pool.height * pool.width);
      backend.maxPool2dBackward(passed(backend, g, y), indices, spread, pool);
      backend.conv2dBackward(spread, null, x, weight, dx, dw, db, geometry);
    } finally {
      backend.leaveArena(mark);
    }
  },

  linearRelu(x, weight, bias, out, n, inFeatures, outFeatures) {
    const backend = backendOf();
    backend.linear(x, weight, bias, out, n, inFeatures, outFeatures);
    backend.unary('relu', out, out);
  },

  linearBackward(g, y, x, weight, dx, dw, db, n, inFeatures, outFeatures) {
    const backend = backendOf();
    const one = { batch: 1, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
    const mark = backend.enterArena();
    try {
      const masked = passed(backend, g, y);
      if (db !== null) backend.sumTo(masked, [n, outFeatures], db, [outFeatures]);
      if (dx !== null) backend.matmul(masked, weight, dx, { ...one, m: n, n: inFeatures, k: outFeatures });
      if (dw !== null) backend.matmul(masked, x, dw, { ...one, m: outFeatures, n: inFeatures, k: n, transposeA: true });
    } finally {
      backend.leaveArena(mark);
    }
  },
});

/** Returns the gradient before relu: 0 where relu's result y is 0, and g elsewhere. Returns g itself if y is null (no relu). */
function passed(backend: Backend, g: FloatArray, y: FloatArray | null, mayChangeG = false): FloatArray {
  if (y === null) return g;
  const masked = mayChangeG ? g : backend.allocate(g.length);
  backend.reluBackward(g, y, masked);
  return masked;
}
