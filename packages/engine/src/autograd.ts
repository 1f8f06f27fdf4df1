// The graph as operations and users see it. An operation calls `record` with how its result is computed and with a function from
// the gradient of the result to the gradients of its operands; the steps of the graph and the backward pass are in graphNode.ts.
// Gradients of gradients are not supported: backward functions work on flat storage.
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

/** What `tensor.gradFn` shows. */
export type Node = GraphNode<Tensor>;

let gradEnabled = true;

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

/** What an operation hands to `record`. */
export interface Recorded {
  /** PyTorch's name of the node, without "Backward0" for a plain one: 'Relu' shows as `<ReluBackward0>`. */
  readonly name: string;
  /**
   * Computes the result. Everything that depends on values, draws or state is in here, for it may be done again with other values
   * (replay.ts); what `backward` needs of it is then the newest.
   */
  readonly forward: () => Storage;
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

/** Does an operation and wraps its result in a tensor and, where a gradient may be asked for, in the graph. */
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

/** The node that a gradient for this tensor goes to; null when it needs none. */
function nodeOf(tensor: Tensor): Node | null {
  if (!tensor.requiresGrad) return null;
  if (tensor.gradFn !== null) return tensor.gradFn;
  tensor.accumulator ??= new GraphNode<Tensor>('AccumulateGrad', [], null, [], tensor);
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
 * @param releases as {@link GraphNode.run} has it.
 * @throws AutogradError when the tensor has no graph, is not a single element and no gradient is given, or the graph was used up.
 *   @throws ShapeError when the gradient's shape is another. @throws ArenaError when the tensor's arena has ended.
 */
export function runBackward(tensor: Tensor, options: BackwardOptions = {}, releases: Releases | null = null): void {
  const node = nodeOf(tensor);
  if (node === null) {
    throw new AutogradError('backward() needs a tensor that was computed from one with requiresGrad: this one has no gradFn');
  }
  checkOptions('backward', options, ['retainGraph', 'gradient']);
  const { gradient, retainGraph = false } = options;
  // A result's arena ends no later than its operands' arenas, so this guards what the whole graph saved.
  tensor.checkAlive();
  if (gradient === undefined && tensor.size !== 1) {
    throw new AutogradError(`backward() without a gradient needs a single element, this tensor has shape ${formatShape(tensor.shape)}`);
  }
  if (gradient !== undefined && !sameShape(gradient.shape, tensor.shape)) {
    throw new ShapeError(`the gradient has shape ${formatShape(gradient.shape)}, its tensor ${formatShape(tensor.shape)}`);
  }
  // Backward functions make no tensors, so memory's arena is enough.
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
