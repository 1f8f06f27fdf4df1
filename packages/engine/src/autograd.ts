// The graph and the backward pass. An operation calls `record` with its result and with a function from
// the gradient of the result to the gradients of its operands; only this file adds gradients up.
// Gradients of gradients are not supported: backward functions work on flat storage.
import { inArena } from './arena.ts';
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import { AutogradError, ShapeError } from './errors.ts';
import { formatShape, sameShape, type Shape } from './shape.ts';
import { runSynchronously } from './synchronous.ts';
import { type Storage, Tensor } from './tensor.ts';

/**
 * From the gradient of an operation's result to those of its operands, in their order, flat and in the
 * operands' shapes. `needed[i]` says whether operand i wants one; null where it does not. It must not
 * change `grad`, and may return it.
 */
export type Backward = (grad: FloatArray, needed: readonly boolean[]) => readonly (FloatArray | null)[];

let gradEnabled = true;
let created = 0;
let pass = 0;
/** The node whose backward function runs. */
let running: Node | null = null;

function setRunning(node: Node | null): void {
  running = node;
}

/** Runs `fn` without recording a graph, as torch.no_grad. @throws ArgumentError for an async function. */
export function noGrad<T>(fn: () => T): T {
  const before = gradEnabled;
  gradEnabled = false;
  try {
    return runSynchronously('noGrad', fn);
  } finally {
    gradEnabled = before;
  }
}

/** Whether operations are being recorded now. */
export const isGradEnabled = (): boolean => gradEnabled;

/**
 * For a backward function: storage for the gradient of operand `index` of its operation, which has `length` elements and writes all of
 * them. Where the operand is a leaf and nothing has arrived there yet, this is the leaf's own gradient, so that nothing is copied.
 */
export function gradientStorage(index: number, length: number): FloatArray {
  return running?.storageFor(index, length) ?? backend().allocate(length);
}

// Plain loops into arrays of their length: these run for every operation of every step.

function neededOf(next: readonly (Node | null)[]): boolean[] {
  const needed = new Array<boolean>(next.length);
  for (let i = 0; i < next.length; i++) needed[i] = next[i] !== null;
  return needed;
}

function versionsOf(tensors: readonly Tensor[]): number[] {
  const versions = new Array<number>(tensors.length);
  for (let i = 0; i < tensors.length; i++) versions[i] = tensors[i].version.count;
  return versions;
}

/** A step of the graph: what `tensor.gradFn` shows. Made by `record`, never by users. */
export class Node {
  /** The leaf of an AccumulateGrad node, as PyTorch's `.variable`. */
  readonly variable: Tensor | null;
  readonly #operation: string;
  readonly #next: readonly (Node | null)[];
  readonly #needed: readonly boolean[];
  readonly #sequence = created++;
  #backward: Backward | null;
  #saved: readonly Tensor[];
  readonly #savedVersions: readonly number[];
  #seenInPass = 0;
  #pending: FloatArray | null = null;
  #pendingIsOurs = false;
  /** A leaf's own gradient, given out to be written. */
  #lent: FloatArray | null = null;

  constructor(
    operation: string,
    next: readonly (Node | null)[],
    backward: Backward | null,
    saved: readonly Tensor[],
    variable: Tensor | null,
  ) {
    this.variable = variable;
    this.#operation = operation;
    this.#next = next;
    this.#needed = neededOf(next);
    this.#backward = backward;
    this.#saved = saved;
    this.#savedVersions = versionsOf(saved);
  }

  /** As PyTorch names it: `ConvolutionBackward0`; `AccumulateGrad` for a leaf. */
  get name(): string {
    return this.variable !== null || /Backward\d$/.test(this.#operation) ? this.#operation : `${this.#operation}Backward0`;
  }

  /** The nodes that made the operands, each with the operand's output number (always 0); [null, 0] for a constant. */
  get nextFunctions(): readonly (readonly [Node | null, number])[] {
    return this.#next.map((node) => [node, 0] as const);
  }

  toString(): string {
    return `<${this.name}>`;
  }

  /**
   * The backward pass from this node, iteratively: a result is always newer than its operands, so going from the newest
   * operation to the oldest, and to the leaves at last, sees every gradient complete.
   */
  run(seed: FloatArray, retainGraph: boolean): void {
    const operations: Node[] = [];
    const leaves: Node[] = [];
    this.#collect(operations, leaves);
    this.#pending = seed;
    this.#pendingIsOurs = false;
    try {
      for (let i = 0; i < operations.length; i++) operations[i].#step(retainGraph);
      for (let i = 0; i < leaves.length; i++) leaves[i].#step(retainGraph);
    } finally {
      setRunning(null);
      for (let i = 0; i < operations.length; i++) operations[i].#pending = null;
      for (let i = 0; i < leaves.length; i++) leaves[i].#end();
    }
  }

  /** Leaves nothing behind, also when an operation failed. */
  #end(): void {
    this.#pending = null;
    if (this.#lent === null) return;
    this.#lent = null;
    this.variable?.grad?.zeroLater();
  }

  /** All that can be reached from here, the operations from the newest to the oldest. */
  #collect(operations: Node[], leaves: Node[]): void {
    pass += 1;
    this.#seenInPass = pass;
    (this.variable === null ? operations : leaves).push(this);
    let isInOrder = true;
    for (let i = 0; i < operations.length; i++) {
      const { length } = operations[i].#next;
      for (let operand = 0; operand < length; operand++) {
        const next = operations[i].#next[operand];
        if (next === null || next.#seenInPass === pass) continue;
        next.#seenInPass = pass;
        if (next.variable !== null) leaves.push(next);
        else isInOrder = operations[operations.push(next) - 2].#sequence > next.#sequence && isInOrder;
      }
    }
    // Layers one after another come in order already.
    if (!isInOrder) operations.sort((a, b) => b.#sequence - a.#sequence);
  }

  #step(retainGraph: boolean): void {
    const grad = this.#pending;
    if (grad === null) return;
    this.#pending = null;
    if (this.variable !== null) {
      this.#accumulate(this.variable, grad);
      return;
    }
    if (this.#backward === null) {
      throw new AutogradError(
        `${this.name} was already run backward and its saved values are gone: call backward({ retainGraph: true }) the first time`,
      );
    }
    this.#checkSaved();
    setRunning(this);
    const isOurs = this.#pendingIsOurs;
    backend().beginOperation();
    const grads = this.#backward(grad, this.#needed);
    backend().endOperation(grads);
    if (!retainGraph) {
      this.#backward = null;
      this.#saved = [];
    }
    for (let i = 0; i < this.#next.length; i++) {
      const next = this.#next[i];
      const part = grads[i] ?? null;
      if (next !== null && part !== null) next.#receive(part, (part !== grad || isOurs) && isAlone(part, i, grads));
    }
    if (isOurs && !grads.includes(grad)) backend().recycle(grad);
  }

  #checkSaved(): void {
    for (let i = 0; i < this.#saved.length; i++) {
      const tensor = this.#saved[i];
      if (tensor.version.count !== this.#savedVersions[i]) {
        throw new AutogradError(
          `a tensor of shape ${formatShape(tensor.shape)} that ${this.name} needs was changed in place after it was used: change a copy, or change it after backward()`,
        );
      }
    }
  }

  /** Adds to what has arrived, never into storage that an operation may still share; `isOurs` says that none does. */
  #receive(grad: FloatArray, isOurs: boolean): void {
    if (this.#pending === null) {
      this.#pending = grad;
      this.#pendingIsOurs = isOurs || grad === this.#lent;
      return;
    }
    if (!this.#pendingIsOurs) {
      backend().beginOperation();
      const sum = backend().allocate(grad.length);
      backend().endOperation([sum]);
      backend().copy(this.#pending, sum);
      this.#pending = sum;
      this.#pendingIsOurs = true;
    }
    backend().addScaled(grad, 1, this.#pending);
    if (isOurs) backend().recycle(grad);
  }

  /** The gradient's storage of operand `index`, if that is a leaf that has received nothing yet. */
  storageFor(index: number, length: number): FloatArray | null {
    const next = this.#next[index];
    const leaf = next?.variable;
    if (!next || !leaf || next.#pending !== null || next.#lent !== null) return null;
    const storage = leaf.grad === null ? backend().allocatePersistent(length) : leaf.grad.takeZeroed();
    if (storage === null || storage instanceof Int32Array) return null;
    next.#lent = storage;
    return storage;
  }

  #accumulate(leaf: Tensor, grad: FloatArray): void {
    const isIts = grad === this.#lent;
    this.#lent = null;
    if (leaf.grad === null) {
      const storage = isIts ? grad : backend().allocatePersistent(grad.length);
      if (!isIts) backend().copy(grad, storage);
      leaf.grad = Tensor.persistent(storage, leaf.shape);
      return;
    }
    if (!isIts) {
      backend().addScaled(grad, 1, leaf.grad.values);
      if (this.#pendingIsOurs) backend().recycle(grad);
    }
    leaf.grad.version.count += 1;
  }
}

/** Whether a gradient that an operation has computed is for one operand alone and for nobody else. */
function isAlone(part: FloatArray, index: number, parts: readonly (FloatArray | null)[]): boolean {
  for (let i = 0; i < parts.length; i++) if (i !== index && parts[i] === part) return false;
  return backend().isResult(part);
}

/** What an operation hands to `record`. */
export interface Recorded {
  /** PyTorch's name of the node, without "Backward0" for a plain one: 'Relu' shows as `<ReluBackward0>`. */
  readonly name: string;
  readonly storage: Storage;
  readonly shape: Shape;
  readonly inputs: readonly Tensor[];
  /** Operands whose values `backward` reads: changing one in place before backward() is an error. */
  readonly saved?: readonly Tensor[];
  /** `backward` reads the result's own values: changing them in place, through an alias, is the same error. */
  readonly savesResult?: boolean;
  readonly backward: Backward;
  /** The tensor whose storage the result shares, for views. */
  readonly base?: Tensor;
}

/** Wraps an operation's result in a tensor and, where a gradient may be asked for, in the graph. */
export function record(operation: Recorded): Tensor {
  const { name, inputs, saved = [], savesResult = false, backward } = operation;
  const result = new Tensor(operation.storage, operation.shape, operation.base);
  if (!gradEnabled) return result;
  const next = new Array<Node | null>(inputs.length);
  let isNeeded = false;
  for (let i = 0; i < inputs.length; i++) {
    const node = nodeOf(inputs[i]);
    if (node !== null) isNeeded = true;
    next[i] = node;
  }
  if (!isNeeded) return result;
  result.requiresGrad = true;
  result.gradFn = new Node(name, next, backward, savesResult ? [...saved, result] : saved, null);
  return result;
}

/** The node that a gradient for this tensor goes to; null when it needs none. */
function nodeOf(tensor: Tensor): Node | null {
  if (!tensor.requiresGrad) return null;
  if (tensor.gradFn !== null) return tensor.gradFn;
  tensor.accumulator ??= new Node('AccumulateGrad', [], null, [], tensor);
  return tensor.accumulator;
}

export interface BackwardOptions {
  /** dLoss/dTensor in the tensor's shape; may be left out for a single element (1). */
  readonly gradient?: Tensor;
  /** Keep what the graph saved, for another backward pass. */
  readonly retainGraph?: boolean;
}

/**
 * Adds d(tensor)/d(leaf) to `grad` of every leaf that requires it.
 * @throws AutogradError when the tensor has no graph, is not a single element and no gradient is given,
 *   or the graph was used up. @throws ShapeError when the gradient's shape is another. @throws ArenaError when the
 *   tensor's arena has ended.
 */
export function runBackward(tensor: Tensor, options: BackwardOptions = {}): void {
  const node = nodeOf(tensor);
  if (node === null) {
    throw new AutogradError('backward() needs a tensor that was computed from one with requiresGrad: this one has no gradFn');
  }
  const { gradient, retainGraph = false } = options;
  // A result's arena ends no later than its operands' arenas, so this guards what the whole graph saved.
  tensor.checkAlive();
  if (gradient === undefined && tensor.size !== 1) {
    throw new AutogradError(`backward() without a gradient needs a single element, this tensor has shape ${formatShape(tensor.shape)}`);
  }
  if (gradient !== undefined && !sameShape(gradient.shape, tensor.shape)) {
    throw new ShapeError(`the gradient has shape ${formatShape(gradient.shape)}, its tensor ${formatShape(tensor.shape)}`);
  }
  inArena(() => {
    let seed: FloatArray;
    if (gradient === undefined) {
      seed = backend().allocate(1);
      backend().fill(seed, 1);
    } else {
      seed = gradient.values;
    }
    node.run(seed, retainGraph);
  });
}
