// A node of the graph: the operation that made a tensor, its operands, and its backward function. Only this file adds gradients.
// autograd.ts creates the nodes in `record`. Of a tensor, this file uses only the fields in `Leaf`, `LeafGradient` and `Saved`.
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import { AutogradError } from './errors.ts';
import { BackwardPass, type Releases } from './backwardPass.ts';
import { formatShape, type Shape } from './shape.ts';
import type { Storage, Stored, Version } from './storage.ts';

/** The fields of a leaf tensor that the graph uses. */
export interface Leaf {
  readonly grad: LeafGradient | null;
  /** Makes `storage` the leaf's first gradient. */
  startGradient(storage: FloatArray): void;
}

/** The fields of a leaf's gradient that the graph uses. */
export interface LeafGradient {
  readonly values: FloatArray;
  readonly version: Version;
  takeZeroed(): Storage | null;
  zeroLater(): void;
}

/** The fields of a saved tensor that the graph uses. Saved tensors are read by a backward function. */
export interface Saved extends Stored {
  readonly shape: Shape;
}

/**
 * Computes the gradients of an operation's operands. All gradients are flat arrays.
 * @param grad the gradient of the result. It may be returned. It may be changed only if `pass.mayChangeGradient` is true
 * @param needed for each operand, whether it needs a gradient
 * @param grads an array with a null for each operand. The function may fill and return it, so that no array is created
 * @returns for each operand, its gradient; null if it needs none
 */
export type Backward = (
  grad: FloatArray,
  needed: readonly boolean[],
  grads: (FloatArray | null)[],
  pass: BackwardPass,
) => readonly (FloatArray | null)[];

let created = 0;
let collections = 0;
// Plain loops over arrays of a fixed length are used for speed, because this code runs for every operation of every step.

function neededOf(next: readonly (object | null)[]): boolean[] {
  const needed = new Array<boolean>(next.length);
  for (let i = 0; i < next.length; i++) needed[i] = next[i] !== null;
  return needed;
}

function versionsOf(tensors: readonly Saved[]): number[] {
  const versions = new Array<number>(tensors.length);
  for (let i = 0; i < tensors.length; i++) versions[i] = tensors[i].version.count;
  return versions;
}

/** A node of the graph, which users see as `tensor.gradFn`. Only `record` creates nodes. */
export class GraphNode<Variable extends Leaf = Leaf> {
  /** The leaf tensor of an AccumulateGrad node, as PyTorch's `.variable`. Otherwise null. */
  readonly variable: Variable | null;
  readonly #operation: string;
  readonly #next: readonly (GraphNode<Variable> | null)[];
  readonly #needed: readonly boolean[];
  /** The array in which the backward function may return gradients. */
  #grads: (FloatArray | null)[] | null = null;
  readonly #sequence = created++;
  #backward: Backward | null;
  #saved: readonly Saved[];
  readonly #savedVersions: number[];
  /** The backward pass from this node. It is cached, because the graph does not change. */
  #pass: BackwardPass<GraphNode<Variable>> | null = null;
  #seenInCollection = 0;
  #pending: FloatArray | null = null;
  #pendingIsOurs = false;
  /** The storage of this leaf's gradient while a backward function may write to it. Otherwise null. */
  #lent: FloatArray | null = null;

  constructor(
    operation: string,
    next: readonly (GraphNode<Variable> | null)[],
    backward: Backward | null,
    saved: readonly Saved[],
    variable: Variable | null,
  ) {
    this.variable = variable;
    this.#operation = operation;
    this.#next = next;
    this.#needed = neededOf(next);
    this.#backward = backward;
    this.#saved = saved;
    this.#savedVersions = versionsOf(saved);
  }

  /** The node's name in PyTorch: `ConvolutionBackward0`, or `AccumulateGrad` for a leaf. */
  get name(): string {
    return this.variable !== null || /Backward\d$/.test(this.#operation) ? this.#operation : `${this.#operation}Backward0`;
  }

  /** For each operand, its node and the number of the node's output, which is always 0. If the operand needs no gradient: [null, 0]. */
  get nextFunctions(): readonly (readonly [GraphNode<Variable> | null, number])[] {
    return this.#next.map((node) => [node, 0] as const);
  }

  toString(): string {
    return `<${this.name}>`;
  }

  /**
   * Runs the backward pass from this node. Operations run from the newest to the oldest, and leaves come last. A result is always newer
   * than its operands, so each gradient is complete when it is used.
   * @param releases for each operation, the tensors whose memory is freed before it. If null, no tensor is freed.
   */
  run(seed: FloatArray, retainGraph: boolean, releases: Releases | null): void {
    const pass = this.pass;
    if (!retainGraph) this.#pass = null;
    const { operations, leaves } = pass;
    this.#pending = seed;
    this.#pendingIsOurs = false;
    try {
      for (let i = 0; i < operations.length; i++) {
        if (releases !== null) pass.release(releases[i], releases[i + 1]);
        operations[i].#step(pass, retainGraph);
      }
      for (let i = 0; i < leaves.length; i++) leaves[i].#step(pass, retainGraph);
    } finally {
      pass.end();
      for (let i = 0; i < operations.length; i++) operations[i].#pending = null;
      for (let i = 0; i < leaves.length; i++) leaves[i].#end();
    }
  }

  /** Resets the leaf after a pass, also if an operation failed. */
  #end(): void {
    this.#pending = null;
    if (this.#lent === null) return;
    this.#lent = null;
    this.variable?.grad?.zeroLater();
  }

  /** The backward pass from this node: all operations and leaves that can be reached from it. */
  get pass(): BackwardPass<GraphNode<Variable>> {
    this.#pass ??= this.#collect();
    return this.#pass;
  }

  /** The tensors that the backward function reads. */
  get saved(): readonly Saved[] {
    return this.#saved;
  }

  #collect(): BackwardPass<GraphNode<Variable>> {
    const pass = new BackwardPass<GraphNode<Variable>>();
    const { operations, leaves } = pass;
    collections += 1;
    this.#seenInCollection = collections;
    (this.variable === null ? operations : leaves).push(this);
    let isInOrder = true;
    for (let i = 0; i < operations.length; i++) {
      const { length } = operations[i].#next;
      for (let operand = 0; operand < length; operand++) {
        const next = operations[i].#next[operand];
        if (next === null || next.#seenInCollection === collections) continue;
        next.#seenInCollection = collections;
        if (next.variable !== null) leaves.push(next);
        else isInOrder = operations[operations.push(next) - 2].#sequence > next.#sequence && isInOrder;
      }
    }
    // The operations of a plain sequence of layers are already in order.
    if (!isInOrder) operations.sort((a, b) => b.#sequence - a.#sequence);
    return pass;
  }

  /** Accepts the current values of the saved tensors. A replay calls this after it has repeated the operation. */
  renew(): void {
    for (let i = 0; i < this.#saved.length; i++) this.#savedVersions[i] = this.#saved[i].version.count;
  }

  #step(pass: BackwardPass<GraphNode<Variable>>, retainGraph: boolean): void {
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
    const isOurs = this.#pendingIsOurs;
    pass.begin(this, isOurs);
    backend().beginOperation();
    this.#grads ??= new Array<null>(this.#next.length).fill(null);
    const grads = this.#backward(grad, this.#needed, this.#grads, pass);
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
    if (retainGraph) this.#grads.fill(null);
    else this.#grads = null;
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

  /**
   * Adds `grad` to the sum of the gradients that this node has received. If another operation may use the storage of the sum, the sum is
   * copied first.
   * @param isOurs whether no other operation uses the storage of `grad`
   */
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

  /**
   * Returns storage to which the gradient of operand `index` can be written directly. Returns null if the operand is not a leaf, or already
   * has a gradient to which this one must be added.
   */
  storageFor(index: number, length: number): FloatArray | null {
    const next = this.#next[index];
    const leaf = next?.variable;
    if (!next || !leaf || next.#pending !== null || next.#lent !== null) return null;
    const storage = leaf.grad === null ? backend().allocatePersistent(length) : leaf.grad.takeZeroed();
    if (storage === null || storage instanceof Int32Array) return null;
    next.#lent = storage;
    return storage;
  }

  #accumulate(leaf: Variable, grad: FloatArray): void {
    const isIts = grad === this.#lent;
    this.#lent = null;
    if (leaf.grad === null) {
      const storage = isIts ? grad : backend().allocatePersistent(grad.length);
      if (!isIts) backend().copy(grad, storage);
      leaf.startGradient(storage);
      return;
    }
    if (!isIts) {
      backend().addScaled(grad, 1, leaf.grad.values);
      if (this.#pendingIsOurs) backend().recycle(grad);
    }
    leaf.grad.version.count += 1;
  }
}

/** Returns whether the gradient `part` was returned for operand `index` only, and its storage can be recycled. */
function isAlone(part: FloatArray, index: number, parts: readonly (FloatArray | null)[]): boolean {
  for (let i = 0; i < parts.length; i++) if (i !== index && parts[i] === part) return false;
  return backend().isResult(part);
}
