// The tensor: a shape over flat, dense, row-major storage, and its place in the autograd graph. The
// arithmetic lives in ops/ (added to this class as methods by ops/methods.ts), the backward pass in
// backwardPass.ts, printing in print.ts.
import { checkNumber, checkOptions, checkShape } from './argumentChecks.ts';
import { type Arena, currentArena } from './arena.ts';
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import { ArenaError, ArgumentError, ShapeError } from './errors.ts';
import type { GraphNode } from './graphNode.ts';
import { formatShape, type Shape, sizeOf } from './shape.ts';
import type { Storage, Version } from './storage.ts';
import { show } from './validation.ts';

export type DType = 'float32' | 'float64' | 'int32';

/** Numbers, or nested lists of them with equal lengths at each depth. */
export type NestedArray = number | readonly NestedArray[];

export interface TensorOptions {
  readonly requiresGrad?: boolean;
}

const tensorOptions = ['requiresGrad'] as const;

export class Tensor {
  readonly shape: Shape;
  /** The gradient that `backward()` accumulates into a leaf; null until the first one. */
  grad: Tensor | null = null;
  /** The operation that made this tensor, or null for a leaf. */
  gradFn: GraphNode<Tensor> | null = null;
  /** The node that accumulates into this leaf's `grad`; made when an operation first needs it. */
  accumulator: GraphNode<Tensor> | null = null;
  readonly version: Version;
  #storage: Storage;
  readonly #arena: Arena | null;
  #requiresGrad = false;

  /**
   * @param storage the elements, row-major. They are not copied
   * @param base the tensor whose storage this tensor shares; null if the storage outlives every arena. If omitted, the storage belongs to
   * the current arena
   * @throws ShapeError if the length of the storage is not the product of the shape
   */
  constructor(storage: Storage, shape: Shape, base?: Tensor | null) {
    if (storage.length !== sizeOf(shape)) {
      throw new ShapeError(`shape ${formatShape(shape)} holds ${sizeOf(shape)} elements, but ${storage.length} were given`);
    }
    const arena = currentArena();
    if (arena !== null) arena.tensorsMade += 1;
    this.#storage = storage;
    this.shape = shape;
    if (base instanceof Tensor) {
      this.#arena = base.#arena;
      this.version = base.version;
    } else {
      this.#arena = base === null ? null : arena;
      this.version = { count: 0, isZeroed: false, isReleased: false };
    }
  }

  /** Creates a tensor that outlives every arena, for parameters, gradients and results that are kept. */
  static persistent(storage: Storage, shape: Shape): Tensor {
    return new Tensor(storage, shape, null);
  }

  /** The elements as a flat row-major array, not a copy. Autograd does not notice changes of the array. */
  get storage(): Storage {
    this.checkAlive();
    if (this.version.isZeroed) {
      this.version.isZeroed = false;
      if (this.#storage instanceof Int32Array) this.#storage.fill(0);
      else backend().fill(this.#storage, 0);
    }
    return this.#storage;
  }

  /** Sets every element to zero in place. The zeros are written only when the storage is read. Often a gradient overwrites them before. */
  zeroLater(): void {
    this.version.isZeroed = true;
    this.version.count += 1;
  }

  /**
   * If {@link zeroLater} was called and the zeros are not written yet: returns the storage without writing them. The caller must write
   * every element. Otherwise returns null.
   */
  takeZeroed(): Storage | null {
    if (!this.version.isZeroed) return null;
    this.version.isZeroed = false;
    return this.#storage;
  }

  /** Gives this tensor new storage of the same length. A replay calls this after it has repeated the tensor's operation (replay.ts). */
  replaceStorage(storage: Storage): void {
    this.#storage = storage;
    this.version.isReleased = false;
  }

  /** Makes `storage` the first gradient of this leaf. The backward pass calls this (graphNode.ts). */
  startGradient(storage: FloatArray): void {
    this.grad = Tensor.persistent(storage, this.shape);
  }

  /**
   * Checks that the tensor can still be used.
   * @throws ArenaError if the arena of the tensor has ended
   * @throws ArenaError if a backward pass may have reused the tensor's memory
   */
  checkAlive(): void {
    if (this.version.isReleased) {
      throw new ArenaError(`a tensor of shape ${formatShape(this.shape)} was used after a backward pass that gave its room to gradients`);
    }
    if (this.#arena !== null && !this.#arena.alive) {
      throw new ArenaError(
        `a tensor of shape ${formatShape(this.shape)} was used after its step had ended: take item() or keep() of it inside the step`,
      );
    }
  }

  /** The elements of a floating-point tensor as a flat array. @throws ArgumentError for an integer tensor */
  get values(): FloatArray {
    const storage = this.storage;
    if (storage instanceof Int32Array) {
      throw new ArgumentError(`expected a floating-point tensor, got ${this.dtype} of shape ${formatShape(this.shape)}`);
    }
    return storage;
  }

  get dtype(): DType {
    if (this.#storage instanceof Int32Array) return 'int32';
    return this.#storage instanceof Float32Array ? 'float32' : 'float64';
  }

  /** Number of elements. */
  get size(): number {
    return this.#storage.length;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }

  get isLeaf(): boolean {
    return this.gradFn === null;
  }

  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    if (value && this.dtype === 'int32') throw new ArgumentError('only floating-point tensors can require gradients, this one is int32');
    if (!value && this.gradFn !== null) throw new ArgumentError('only a leaf can stop requiring gradients: use detach()');
    this.#requiresGrad = value;
  }

  /** Sets whether `backward()` computes the gradient of this tensor, which must be a leaf. Returns the tensor. */
  requiresGrad_(value = true): this {
    this.requiresGrad = value;
    return this;
  }

  /** Returns a tensor with the same storage that is not part of the graph and needs no gradient. */
  detach(): Tensor {
    return new Tensor(this.#storage, this.shape, this);
  }

  /** The same as `detach()`, as in PyTorch. */
  get data(): Tensor {
    return this.detach();
  }

  /** Returns a detached copy that outlives every arena. */
  keep(): Tensor {
    return Tensor.persistent(this.storage.slice(), this.shape);
  }

  /** Returns the only element as a number. @throws ShapeError if the tensor does not have exactly one element */
  item(): number {
    if (this.size !== 1) throw new ShapeError(`item() needs exactly one element, this tensor has shape ${formatShape(this.shape)}`);
    return this.storage[0];
  }

  /** Returns the elements as nested arrays; a scalar as a number. */
  tolist(): NestedArray {
    const storage = this.storage;
    const nest = (dim: number, offset: number, span: number): NestedArray => {
      if (dim === this.rank) return storage[offset];
      const length = this.shape[dim];
      const step = length === 0 ? 0 : span / length;
      return Array.from({ length }, (_, i) => nest(dim + 1, offset + i * step, step));
    };
    return nest(0, 0, this.size);
  }
}

/** Creates a float tensor from nested arrays, in the precision of the current backend. @throws ShapeError for lists of different lengths */
export function tensor(data: NestedArray, options: TensorOptions = {}): Tensor {
  checkOptions('tensor', options, tensorOptions);
  const shape = shapeOfNested(data);
  const storage = backend().allocate(sizeOf(shape));
  let next = 0;
  const write = (value: NestedArray, dim: number): void => {
    if (typeof value === 'number') {
      if (dim !== shape.length) throw new ShapeError(`expected a list at depth ${dim} of a ragged array, got ${value}`);
      storage[next++] = value;
      return;
    }
    checkNested(value);
    if (value.length !== shape[dim]) {
      throw new ShapeError(`expected a list of ${shape[dim] ?? 'no'} elements at depth ${dim}, got ${value.length}`);
    }
    for (const element of value) write(element, dim + 1);
  };
  write(data, 0);
  return new Tensor(storage, shape).requiresGrad_(options.requiresGrad ?? false);
}

/** @throws ArgumentError if the value is not a list */
function checkNested(value: unknown): void {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return;
  throw new ArgumentError(`tensor takes numbers and lists of them, got ${show(value)}`);
}

function shapeOfNested(data: NestedArray): number[] {
  const shape: number[] = [];
  for (let level = data; typeof level !== 'number'; level = level[0]) {
    checkNested(level);
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return shape;
}

/** Creates a float tensor from a flat row-major list. The list is copied. */
export function fromFlat(data: ArrayLike<number>, shape: Shape, options: TensorOptions = {}): Tensor {
  checkShape('fromFlat', shape);
  checkOptions('fromFlat', options, tensorOptions);
  if (Array.isArray(data)) for (const value of data) checkNumber('fromFlat', value);
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`shape ${formatShape(shape)} holds ${sizeOf(shape)} elements, but ${data.length} were given`);
  }
  const storage = backend().allocate(data.length);
  storage.set(data);
  return new Tensor(storage, shape).requiresGrad_(options.requiresGrad ?? false);
}

/** Creates an int32 tensor from a flat row-major list, such as class indices. */
export function indices(data: ArrayLike<number>, shape: Shape = [data.length]): Tensor {
  checkShape('indices', shape);
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`shape ${formatShape(shape)} holds ${sizeOf(shape)} elements, but ${data.length} were given`);
  }
  for (let i = 0; i < data.length; i++) {
    if ((data[i] | 0) !== data[i]) throw new ArgumentError(`indices are whole numbers of int32, got ${show(data[i])} at index ${i}`);
  }
  const storage = backend().allocateIndices(data.length);
  storage.set(data);
  return new Tensor(storage, shape);
}

/** Creates a float tensor in which every element is `value`. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  checkShape('full', shape);
  checkNumber('full', value);
  checkOptions('full', options, tensorOptions);
  const storage = backend().allocate(sizeOf(shape));
  backend().fill(storage, value);
  return new Tensor(storage, shape).requiresGrad_(options.requiresGrad ?? false);
}

export const zeros = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 0, options);
export const ones = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 1, options);
