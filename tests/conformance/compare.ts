// Runs the cases of a conformance file of operations or losses: output and every gradient, on every backend and, for
// convolutions, by every variant. Which of the
// engine's functions stands for a name of PyTorch's is the caller's table.
import { fromFlat, indices, type Tensor } from '@trainyard/engine';
import { describe, test } from 'vitest';
import { convolvers, onEveryBackend } from '../support/backends.ts';
import { expectClose } from '../support/expectClose.ts';
import { readConformance, type StoredTensor } from './conformanceDir.ts';
import { expectKnown } from './expectKnown.ts';

/** The set's own tolerance (README.md). */
const tolerance = { absolute: 1e-5, relative: 1e-4 };

interface Case {
  readonly op: string;
  readonly args: Args;
  readonly inputs: Readonly<Record<string, StoredTensor>>;
  readonly output: StoredTensor;
  readonly grad_output: StoredTensor;
  readonly grads: Readonly<Record<string, StoredTensor>>;
  /** `…_after`: what an input that the operation changes holds then. */
  readonly [after: `${string}_after`]: StoredTensor;
}

/** Options as the file names them; what a name holds is known from its operation. */
export type Args = Readonly<Record<string, unknown>>;

/** An operation of the engine on the case's inputs, by PyTorch's names. */
export type Operation = (inputs: Readonly<Record<string, Tensor>>, args: Args) => Tensor;

/** Registers a test for each case of the file, and one that fails by name for those that the table does not know. */
export function testConformance(file: string, operations: Readonly<Record<string, Operation>>): void {
  const cases = readConformance<Case[]>(file);
  const known = cases.filter(({ op }) => Object.hasOwn(operations, op));
  describe(file, () => {
    test('holds only operations that the engine has', () => {
      expectKnown(
        file,
        cases.map(({ op }) => op),
        operations,
      );
    });
    const testEach = (tested: readonly Case[]): void => {
      test.each(tested.map((stored, i) => ({ title: `${i}: ${stored.op} ${JSON.stringify(stored.args)}`, stored })))(
        '$title equals PyTorch',
        ({ stored }) => checkCase(stored, operations[stored.op]),
      );
    };
    onEveryBackend(() => testEach(known));
    const convolutions = known.filter(({ op }) => op.startsWith('conv'));
    if (convolutions.length > 0) onEveryBackend(() => testEach(convolutions), convolvers);
  });
}

function checkCase(stored: Case, operation: Operation): void {
  const inputs = Object.fromEntries(Object.entries(stored.inputs).map(([name, input]) => [name, restore(input)]));
  for (const name of Object.keys(stored.grads)) inputs[name].requiresGrad = true;
  const output = operation(inputs, stored.args);
  expectClose(output, stored.output, tolerance, 'output');
  for (const [name, after] of Object.entries(stored)) {
    const changed = name.endsWith('_after') ? inputs[name.slice(0, -'_after'.length)] : undefined;
    if (changed !== undefined) expectClose(changed, after as StoredTensor, tolerance, name);
  }
  output.backward(restore(stored.grad_output));
  for (const [name, grad] of Object.entries(stored.grads)) {
    expectClose(inputs[name].grad, grad, tolerance, `gradient of ${name}`);
  }
}

const restore = ({ shape, dtype, data }: StoredTensor): Tensor => (dtype === 'int64' ? indices(data, shape) : fromFlat(data, shape));
