// The interface with which a layer's definition adds its nodes to an ONNX graph (github.com/onnx/onnx, docs/Operators.md). The graph
// computes what the network computes in evaluation. formats/onnx.ts writes the graph as a file.
import type { Float } from './construction.ts';
import type { Shape } from './shape.ts';

/** The value of an attribute of a node. A plain number is written as an int, a {@link Float} as a float. */
export type OnnxAttribute = number | readonly number[] | Float | string;

/** Any layer of a job spec. */
interface NestedLayer {
  readonly type: string;
  readonly name?: string | undefined;
}

/** The graph as the definition of one layer sees it. Values, constants and weights are referred to by their names. */
export interface OnnxScope {
  /** The name of the layer's input, a batch of samples. */
  readonly input: string;
  /** Adds a node. @returns the name of its output */
  readonly node: (operator: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>) => string;
  /**
   * Returns the name of a parameter or buffer of the layer in the graph.
   * @param name its name in PyTorch, such as `weight`
   * @param shape the shape in the graph. Default: the shape of the parameter or buffer
   */
  readonly weight: (name: string, shape?: Shape) => string;
  /** Adds a float32 tensor. @param values row-major, or one number for all elements. @returns its name */
  readonly constant: (values: number | readonly number[], shape: Shape) => string;
  /** Adds an int64 vector. @returns its name */
  readonly integers: (values: readonly number[]) => string;
  /**
   * Adds a list of layers that this layer contains.
   * @param name the name of the list in this layer
   * @param inputShape the shape of one sample of `input`
   * @returns the name of the last layer's output
   */
  readonly nested: (name: string, layers: readonly NestedLayer[], input: string, inputShape: Shape) => string;
}

/** The graph as a transform or a loss sees it. It has no weights. */
export type OnnxNodes = Pick<OnnxScope, 'input' | 'node' | 'constant' | 'integers'>;
