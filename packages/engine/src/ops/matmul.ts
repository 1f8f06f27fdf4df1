// Matrix products: matmul with PyTorch's rules for vectors, matrices and batches of matrices, and the product of the linear layer.
import { type Backward, record } from '../autograd.ts';
import type { FloatArray, MatmulGeometry } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { ShapeError } from '../errors.ts';
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Computes a product on the backend. By default it is a product of two matrices, neither of them transposed. */
function product(a: FloatArray, b: FloatArray, geometry: Pick<MatmulGeometry, 'm' | 'n' | 'k'> & Partial<MatmulGeometry>): FloatArray {
  const { batch = 1, m, n } = geometry;
  const out = backend().allocate(batch * m * n);
  backend().matmul(a, b, out, { batch: 1, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0, ...geometry });
  return out;
}

/** The sizes of a product of [..., m, k] and [..., k, n]. */
interface Operands {
  readonly batchA: Shape;
  readonly batchB: Shape;
  readonly batch: Shape;
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function operands(a: Shape, b: Shape): Operands {
  if (a.length === 0 || b.length === 0) {
    throw new ShapeError(`matmul needs operands of at least one dimension, got ${formatShape(a)} and ${formatShape(b)}: use mul`);
  }
  const [m, k] = a.length === 1 ? [1, a[0]] : a.slice(-2);
  const [rows, n] = b.length === 1 ? [b[0], 1] : b.slice(-2);
  if (k !== rows) {
    throw new ShapeError(`matmul: ${formatShape(a)} has ${k} columns, but ${formatShape(b)} has ${rows} rows: they must be equal`);
  }
  const [batchA, batchB] = [a.slice(0, -2), b.slice(0, -2)];
  // A batch of matrices times one matrix is the same as one product with a taller matrix.
  if (b.length <= 2) return { batchA: [], batchB: [], batch: [], m: m * sizeOf(batchA), k, n };
  return { batchA, batchB, batch: broadcastShapes(batchA, batchB), m, k, n };
}

interface Matrices {
  readonly matrices: FloatArray;
  /** The number of elements from one matrix to the next; 0 if the whole batch uses the same matrix. */
  readonly stride: number;
}

/**
 * Returns an operand's matrix for each element of the batch. Nothing is copied if the operand has only one matrix, or already has one for
 * each element.
 */
function batched(x: FloatArray, own: Shape, batch: Shape, rows: number, columns: number): Matrices {
  const matrix = rows * columns;
  if (sizeOf(own) === 1) return { matrices: x, stride: 0 };
  if (sizeOf(own) === sizeOf(batch)) return { matrices: x, stride: matrix };
  const matrices = backend().allocate(sizeOf(batch) * matrix);
  backend().broadcastTo(x, [...own, matrix], matrices, [...batch, matrix]);
  return { matrices, stride: matrix };
}

/** Returns the gradient of each of an operand's matrices. If several elements of the batch used a matrix, their gradients are summed. */
function unbatched(grad: FloatArray, own: Shape, batch: Shape, matrix: number): FloatArray {
  if (sameShape(own, batch)) return grad;
  const out = backend().allocate(sizeOf(own) * matrix);
  backend().sumTo(grad, [...batch, matrix], out, [...own, matrix]);
  return out;
}

const nodeNames: Record<string, string> = { '1,1': 'Dot', '2,1': 'Mv', '1,2': 'Mm', '2,2': 'Mm' };

/**
 * Computes the matrix product (torch.matmul): vector · vector → scalar, matrix · vector → vector, and [..., m, k] · [..., k, n] → [..., m,
 * n], where leading dimensions broadcast.
 * @throws ShapeError if the inner sizes differ or the leading dimensions do not broadcast
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const { batchA, batchB, batch, m, k, n } = operands(a.shape, b.shape);
  const count = sizeOf(batch);
  let left: Matrices;
  let right: Matrices;
  return record({
    name: nodeNames[`${a.rank},${b.rank}`] ?? (b.rank > 2 ? 'Bmm' : 'Mm'),
    forward: () => {
      left = batched(a.values, batchA, batch, m, k);
      right = batched(b.values, batchB, batch, k, n);
      return product(left.matrices, right.matrices, { batch: count, m, n, k, batchStrideA: left.stride, batchStrideB: right.stride });
    },
    shape: productShape(a.shape, b.shape, batch),
    inputs: [a, b],
    saved: [a, b],
    backward: (g, needed) => {
      const ofA = { batch: count, m, n: k, k: n, transposeB: true, batchStrideA: m * n, batchStrideB: right.stride };
      const ofB = { batch: count, m: k, n, k: m, transposeA: true, batchStrideA: left.stride, batchStrideB: m * n };
      return [
        needed[0] ? unbatched(product(g, right.matrices, ofA), batchA, batch, m * k) : null,
        needed[1] ? unbatched(product(left.matrices, g, ofB), batchB, batch, k * n) : null,
      ];
    },
  });
}

/** Computes {@link matmul} of two matrices. @throws ShapeError if an operand is not a matrix */
export function mm(a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 2 || b.rank !== 2) {
    throw new ShapeError(`mm needs two matrices, got ${formatShape(a.shape)} and ${formatShape(b.shape)}: use matmul for others`);
  }
  return matmul(a, b);
}

function productShape(a: Shape, b: Shape, batch: Shape): Shape {
  const leading = b.length <= 2 ? a.slice(0, -2) : batch;
  return [...leading, ...(a.length === 1 ? [] : a.slice(-2, -1)), ...(b.length === 1 ? [] : b.slice(-1))];
}

/** Returns the sizes of a linear layer over the input's last dimension. @throws ShapeError if the features do not fit */
export function checkedLinearSizes(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
): { readonly n: number; readonly inFeatures: number; readonly outFeatures: number } {
  if (weight.rank !== 2) throw new ShapeError(`linear needs a weight [out, in], got ${formatShape(weight.shape)}`);
  const [outFeatures, inFeatures] = weight.shape;
  if (x.rank === 0 || x.shape.at(-1) !== inFeatures) {
    throw new ShapeError(
      `linear expects ${inFeatures} input features in the last dimension, got an input of shape ${formatShape(x.shape)}`,
    );
  }
  if (bias !== null && (bias.rank !== 1 || bias.size !== outFeatures)) {
    throw new ShapeError(`linear: the bias must have shape [${outFeatures}], got ${formatShape(bias.shape)}`);
  }
  return { n: sizeOf(x.shape.with(x.rank - 1, 1)), inFeatures, outFeatures };
}

/**
 * Computes x · weightᵀ + bias (torch.nn.functional.linear): x [..., in], weight [out, in], bias [out] → [..., out]. In the graph, the
 * operands are in PyTorch's order: bias, x, weight.
 * @throws ShapeError if the features do not fit
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const { n, inFeatures, outFeatures } = checkedLinearSizes(x, weight, bias);
  const forward = (): FloatArray => {
    const y = backend().allocate(n * outFeatures);
    backend().linear(x.values, weight.values, bias === null ? null : bias.values, y, n, inFeatures, outFeatures);
    return y;
  };
  const result = { forward, shape: x.shape.with(x.rank - 1, outFeatures), saved: [x, weight] };
  // The bias, if there is one, is the first operand.
  const [atX, atWeight] = bias === null ? [0, 1] : [1, 2];
  const backward: Backward = (g, needed, grads, pass) => {
    const dw = needed[atWeight] ? pass.gradientStorage(atWeight, weight.size) : null;
    const db = bias !== null && needed[0] ? pass.gradientStorage(0, outFeatures) : null;
    // If no other operation reads x after this one, the gradient of x is computed last. x is then no longer needed, so its gradient may use
    // the memory of x.
    const isSeparate = needed[atX] && pass.isLastReader(x);
    let dx = needed[atX] && !isSeparate ? pass.gradientStorage(atX, x.size) : null;
    backend().linearBackward(g, null, x.values, weight.values, dx, dw, db, n, inFeatures, outFeatures);
    if (isSeparate) {
      const read = x.values;
      pass.endReading(x);
      dx = pass.gradientStorage(atX, x.size);
      backend().linearBackward(g, null, read, weight.values, dx, null, null, n, inFeatures, outFeatures);
    }
    if (bias !== null) grads[0] = db;
    grads[atX] = dx;
    grads[atWeight] = dw;
    return grads;
  };
  return record({ ...result, name: bias === null ? 'Mm' : 'Addmm', inputs: bias === null ? [x, weight] : [bias, x, weight], backward });
}
