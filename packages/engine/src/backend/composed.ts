// The fused kernels as the steps that they stand for, in terms of a backend's other kernels: the reference's own way, and
// every backend's for sizes that it has nothing better for. What lies between the steps is given back at the end.
import type { Backend, ConvGeometry, FloatArray, PoolGeometry } from './backend.ts';

/** g where y passed it, g itself when nothing was rectified. */
function passed(backend: Backend, g: FloatArray, y: FloatArray | null, mayChangeG = false): FloatArray {
  if (y === null) return g;
  const masked = mayChangeG ? g : backend.allocate(g.length);
  backend.reluBackward(g, y, masked);
  return masked;
}

export function composedConv2dRelu(
  backend: Backend,
  x: FloatArray,
  weight: FloatArray,
  bias: FloatArray | null,
  out: FloatArray,
  geometry: ConvGeometry,
): void {
  backend.conv2d(x, weight, bias, out, geometry);
  backend.unary('relu', out, out);
}

export function composedConv2dBackward(
  backend: Backend,
  g: FloatArray,
  y: FloatArray | null,
  x: FloatArray,
  weight: FloatArray,
  dx: FloatArray | null,
  dw: FloatArray | null,
  db: FloatArray | null,
  geometry: ConvGeometry,
  mayChangeG: boolean,
): void {
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
}

export function composedConv2dReluPool(
  backend: Backend,
  x: FloatArray,
  weight: FloatArray,
  bias: FloatArray | null,
  out: FloatArray,
  indices: Int32Array,
  geometry: ConvGeometry,
  pool: PoolGeometry,
): void {
  const mark = backend.enterArena();
  try {
    const rectified = backend.allocate(pool.planes * pool.height * pool.width);
    backend.conv2dRelu(x, weight, bias, rectified, geometry);
    backend.maxPool2d(rectified, out, indices, pool);
  } finally {
    backend.leaveArena(mark);
  }
}

export function composedConv2dReluPoolBackward(
  backend: Backend,
  g: FloatArray,
  y: FloatArray,
  indices: Int32Array,
  x: FloatArray,
  weight: FloatArray,
  dx: FloatArray | null,
  dw: FloatArray | null,
  db: FloatArray | null,
  geometry: ConvGeometry,
  pool: PoolGeometry,
): void {
  const mark = backend.enterArena();
  try {
    const spread = backend.allocate(pool.planes * pool.height * pool.width);
    backend.maxPool2dBackward(passed(backend, g, y), indices, spread, pool);
    backend.conv2dBackward(spread, null, x, weight, dx, dw, db, geometry);
  } finally {
    backend.leaveArena(mark);
  }
}

export function composedLinearRelu(
  backend: Backend,
  x: FloatArray,
  weight: FloatArray,
  bias: FloatArray | null,
  out: FloatArray,
  n: number,
  inFeatures: number,
  outFeatures: number,
): void {
  backend.linear(x, weight, bias, out, n, inFeatures, outFeatures);
  backend.unary('relu', out, out);
}

export function composedLinearBackward(
  backend: Backend,
  g: FloatArray,
  y: FloatArray | null,
  x: FloatArray,
  weight: FloatArray,
  dx: FloatArray | null,
  dw: FloatArray | null,
  db: FloatArray | null,
  n: number,
  inFeatures: number,
  outFeatures: number,
): void {
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
}
