// A step of the graph: which operation made a tensor, from what, and how its gradient goes back. Only this file adds gradients
// up. Nodes are made by `record` in autograd.ts. Of tensors this file knows only what is in `Leaf`.
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import { AutogradError } from './errors.ts';
import { BackwardPass, type Releases } from './backwardPass.ts';
import { formatShape, type Shape } from './shape.ts';
import type { Storage, Stored, Version } from './storage.ts';

/** What the graph knows of a leaf. */
export interface Leaf {
  readonly grad: LeafGradient | null;
  /** Makes `storage` the leaf's first gradient. */
  startGradient(storage: FloatArray): void;
}

/** What the graph knows of a leaf's gradient. */
export interface LeafGradient {
  readonly values: FloatArray;
  readonly version: Version;
  takeZeroed(): Storage | null;
  zeroLater(): void;
}

/** What the graph knows of a tensor that a backward function reads. */
export interface Saved extends Stored {
  readonly shape: Shape;
}

/**
 * From the gradient of an operation's result to those of its operands, in their order, flat and in the
 * operands' shapes. `needed[i]` says whether operand i wants one; null where it does not. It must not
 * change `grad` unless `pass` allows it, and may return it. It may return them in `grads`, which has a
 * null for each operand, so that no array is made.
 */
export type Backward = (
  grad: FloatArray,
  needed: readonly boolean[],
  grads: (FloatArray | null)[],
  pass: BackwardPass,
) => readonly (FloatArray | null)[];

let created = 0;
let collections = 0;
// Plain loops into arrays of their length: these run for every operation of every step.

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

/** What `tensor.gradFn` shows. Made by `record`, never by users. */
export class GraphNode<Variable extends Leaf = Leaf> {
  /** The leaf of an AccumulateGrad node, as PyTorch's `.variable`. */
  readonly variable: Variable | null;
  readonly #operation: string;
  readonly #next: readonly (GraphNode<Variable> | null)[];
  readonly #needed: readonly boolean[];
  /** Where its backward function may return gradients. */
  #grads: (FloatArray | null)[] | null = null;
  readonly #sequence = created++;
  #backward: Backward | null;
  #saved: readonly Saved[];
  readonly #savedVersions: number[];
  /** Kept with the graph, which does not change. */
  #pass: BackwardPass<GraphNode<Variable>> | null = null;
  #seenInCollection = 0;
  #pending: FloatArray | null = null;
  #pendingIsOurs = false;
  /** A leaf's own gradient, given out to be written. */
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

  /** As PyTorch names it: `ConvolutionBackward0`; `AccumulateGrad` for a leaf. */
  get name(): string {
    return this.variable !== null || /Backward\d$/.test(this.#operation) ? this.#operation : `${this.#operation}Backward0`;
  }

  /** The nodes that made the operands, each with the operand's output number (always 0); [null, 0] for a constant. */
  get nextFunctions(): readonly (readonly [GraphNode<Variable> | null, number])[] {
    return this.#next.map((node) => [node, 0] as const);
  }

  toString(): string {
    return `<${this.name}>`;
  }

  /**
   * The backward pass from this node, iteratively: a result is always newer than its operands, so going from the newest
   * operation to the oldest, and to the leaves at last, sees every gradient complete.
   * @param releases tensors whose memory may be used again on the way, for one to whom nobody else looks.
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

  /** Leaves nothing behind, also when an operation failed. */
  #end(): void {
    this.#pending = null;
    if (this.#lent === null) return;
    this.#lent = null;
    this.variable?.grad?.zeroLater();
  }

  /** The backward pass from here: all that can be reached. */
  get pass(): BackwardPass<GraphNode<Variable>> {
    this.#pass ??= this.#collect();
    return this.#pass;
  }

  /** The tensors whose values its backward function reads. */
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
    // Layers one after another come in order already.
    if (!isInOrder) operations.sort((a, b) => b.#sequence - a.#sequence);
    return pass;
  }

  /** Takes what is saved for what the operation has used, for it was done again. */
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

/** Whether a gradient that an operation has computed is for one operand alone and for nobody else. */
function isAlone(part: FloatArray, index: number, parts: readonly (FloatArray | null)[]): boolean {
  for (let i = 0; i < parts.length; i++) if (i !== index && parts[i] === part) return false;
  return backend().isResult(part);
}
