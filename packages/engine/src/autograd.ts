// Adds operations to the graph and starts backward passes. An operation gives `record` two functions: one computes its result, the other
// computes the gradients of its operands. graphNode.ts has the nodes of the graph and runs the backward pass. Gradients of gradients are
// not supported, because backward functions compute with flat arrays.
import { currentArena } from './arena.ts';
import { checkOptions } from './argumentChecks.ts';
import type { FloatArray } from './backend/backend.ts';
import { backend } from './backend/current.ts';
import type { Releases } from './backwardPass.ts';
import { AutogradError, ShapeError } from './errors.ts';
import { type Backward, GraphNode } from './graphNode.ts';
import { formatShape, sameShape, type Shape } from './shape.ts';
import type { Storage } from './storage.ts';
import { runSynchronously } from './synchronous.ts';
import { Tensor } from './tensor.ts';

export type { Backward } from './graphNode.ts';

/** The type of `tensor.gradFn`. */
export type Node = GraphNode<Tensor>;

let gradEnabled = true;

/** Runs `fn` without recording a graph, as torch.no_grad does. @throws ArgumentError if `fn` is async */
export function noGrad<T>(fn: () => T): T {
  const before = gradEnabled;
  gradEnabled = false;
  try {
    return runSynchronously('noGrad', fn);
  } finally {
    gradEnabled = before;
  }
}

/** Returns whether operations are added to the graph. Inside {@link noGrad} they are not. */
export const isGradEnabled = (): boolean => gradEnabled;

/** The argument of {@link record}: one operation with its operands. */
export interface Recorded {
  /** The node's name in PyTorch. The ending "Backward0" may be left out: 'Relu' is shown as `<ReluBackward0>`. */
  readonly name: string;
  /**
   * Computes the result. A replay calls this function again with new values (replay.ts), so everything that depends on values, random draws
   * or state must be computed inside it. `backward` must use the values of the latest call.
   */
  readonly forward: () => Storage;
  readonly shape: Shape;
  readonly inputs: readonly Tensor[];
  /** The operands whose values `backward` reads. If one is changed in place before backward(), backward() throws an error. */
  readonly saved?: readonly Tensor[];
  /** Whether `backward` reads the values of the result. If they are changed in place before backward(), backward() throws an error. */
  readonly savesResult?: boolean;
  readonly backward: Backward;
  /** For a view: the tensor whose storage the result shares. */
  readonly base?: Tensor;
}

/** Computes an operation and returns the result. The result is added to the graph if an operand needs a gradient. */
export function record(operation: Recorded): Tensor {
  const { forward } = operation;
  const result = new Tensor(forward(), operation.shape, operation.base);
  if (gradEnabled) addToGraph(result, operation);
  currentArena()?.notes?.note(result, forward, operation.base !== undefined);
  return result;
}

function addToGraph(result: Tensor, { name, inputs, saved = [], savesResult = false, backward }: Recorded): void {
  const next = new Array<Node | null>(inputs.length);
  let isNeeded = false;
  for (let i = 0; i < inputs.length; i++) {
    const node = nodeOf(inputs[i]);
    if (node !== null) isNeeded = true;
    next[i] = node;
  }
  if (!isNeeded) return;
  result.requiresGrad = true;
  result.gradFn = new GraphNode<Tensor>(name, next, backward, savesResult ? [...saved, result] : saved, null);
}

/** Returns the node that receives the gradient of this tensor; null if the tensor needs no gradient. */
function nodeOf(tensor: Tensor): Node | null {
  if (!tensor.requiresGrad) return null;
  if (tensor.gradFn !== null) return tensor.gradFn;
  tensor.accumulator ??= new GraphNode<Tensor>('AccumulateGrad', [], null, [], tensor);
  return tensor.accumulator;
}

export interface BackwardOptions {
  /** The gradient of the loss with respect to the tensor, in the tensor's shape. Default for a tensor of one element: 1. */
  readonly gradient?: Tensor;
  /** Whether to keep the saved tensors of the graph for another backward pass. Default: false. */
  readonly retainGraph?: boolean;
}

/**
 * Adds d(tensor)/d(leaf) to `grad` of every leaf that requires a gradient.
 * @param releases see {@link GraphNode.run}
 * @throws AutogradError if the tensor has no graph
 * @throws AutogradError if no gradient is given and the tensor does not have exactly one element
 * @throws AutogradError if an earlier backward pass has used up the graph, or a saved tensor was changed in place
 * @throws ShapeError if the shape of the gradient is not the shape of the tensor
 * @throws ArenaError if the arena of the tensor has ended
 * @throws ArgumentError if an option is unknown
 */
export function runBackward(tensor: Tensor, options: BackwardOptions = {}, releases: Releases | null = null): void {
  const node = nodeOf(tensor);
  if (node === null) {
    throw new AutogradError('backward() needs a tensor that was computed from one with requiresGrad: this one has no gradFn');
  }
  checkOptions('backward', options, ['retainGraph', 'gradient']);
  const { gradient, retainGraph = false } = options;
  // While the arena of a result is open, the arenas of its operands are open too. So this check covers all saved tensors of the graph.
  tensor.checkAlive();
  if (gradient === undefined && tensor.size !== 1) {
    throw new AutogradError(`backward() without a gradient needs a single element, this tensor has shape ${formatShape(tensor.shape)}`);
  }
  if (gradient !== undefined && !sameShape(gradient.shape, tensor.shape)) {
    throw new ShapeError(`the gradient has shape ${formatShape(gradient.shape)}, its tensor ${formatShape(tensor.shape)}`);
  }
  // Backward functions make arrays but no tensors, so only the backend needs an arena.
  const memory = backend();
  const mark = memory.enterArena();
  try {
    node.run(gradient === undefined ? one() : gradient.values, retainGraph, releases);
  } finally {
    memory.leaveArena(mark);
  }
}

function one(): FloatArray {
  const seed = backend().allocate(1);
  backend().fill(seed, 1);
  return seed;
}
