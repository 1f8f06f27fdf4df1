// How a definition says what it is in ONNX (github.com/onnx/onnx, docs/Operators.md): nodes that it adds to a graph, in
// evaluation, with its weights under their own names. How a graph becomes a file is formats/onnx.ts's.
import type { Float } from './construction.ts';
import type { Shape } from './shape.ts';

/** Whole numbers are ints; a float says that it is one. */
export type OnnxAttribute = number | readonly number[] | Float | string;

/** A layer as the spec has it; which one does not matter here. */
interface NestedLayer {
  readonly type: string;
  readonly name?: string | undefined;
}

/** The place of one layer in a graph. Values, constants and weights are named by strings. */
export interface OnnxScope {
  /** What the layer is given: a batch of samples. */
  readonly input: string;
  /** Adds a node. @returns its output. */
  readonly node: (operator: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>) => string;
  /** A parameter or buffer of the layer by its name in PyTorch: `weight`. @param shape read with this shape instead of its own. */
  readonly weight: (name: string, shape?: Shape) => string;
  /** A float32 tensor, row-major; one number for all of its elements. */
  readonly constant: (values: number | readonly number[], shape: Shape) => string;
  /** An int64 vector. */
  readonly integers: (values: readonly number[]) => string;
  /** Adds layers that the layer holds under this name, for samples of this shape. @returns the last one's output. */
  readonly nested: (name: string, layers: readonly NestedLayer[], input: string, inputShape: Shape) => string;
}
