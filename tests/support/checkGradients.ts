// Compares gradients with central finite differences, in float64 on the reference backend. This check needs no second implementation.
import { fromFlat, Generator, noGrad, ReferenceBackend, rand, type Shape, type Tensor, withBackend } from '@trainyard/engine';
import { expectClose } from './expectClose.ts';

export interface GradientCheck {
  /** The range of the random operands, default −2 … 2. Exclude values where the function is not differentiable or not defined. */
  readonly range?: readonly [number, number];
  readonly seed?: number;
}

const step = 1e-5;
const tolerance = { absolute: 1e-7, relative: 1e-6 };

/** Expects that the gradient of each operand equals its finite differences. The function is a random projection of fn(...operands). */
export function checkGradients(fn: (...operands: Tensor[]) => Tensor, shapes: readonly Shape[], options: GradientCheck = {}): void {
  const { range: [low, high] = [-2, 2], seed = 0 } = options;
  withBackend(new ReferenceBackend({ dtype: 'float64' }), () => {
    const generator = new Generator(seed);
    const operands = shapes.map((shape) => {
      const values = rand(shape, { generator }).values.map((u) => low + (high - low) * u);
      return fromFlat(values, shape, { requiresGrad: true });
    });
    checkLeafGradients(() => fn(...operands), operands, generator);
  });
}

/**
 * Expects that the gradient of each leaf equals its finite differences. The function is a random projection of compute(). The current
 * backend must compute in float64.
 */
export function checkLeafGradients(compute: () => Tensor, leaves: readonly Tensor[], generator: Generator): void {
  const output = compute();
  const weights = rand(output.shape, { generator });
  const loss = (): number => noGrad(() => compute().mul(weights).sum().item());
  output.backward(weights);
  leaves.forEach((leaf, i) => {
    const data = Array.from(leaf.values, (_, at) => (lossAt(leaf, at, step, loss) - lossAt(leaf, at, -step, loss)) / (2 * step));
    expectClose(leaf.grad, { shape: leaf.shape, data }, tolerance, `gradient of leaf ${i}`);
  });
}

function lossAt(operand: Tensor, at: number, offset: number, loss: () => number): number {
  const before = operand.values[at];
  operand.values[at] = before + offset;
  const value = loss();
  operand.values[at] = before;
  return value;
}
