// PyTorch's optimizers step by step, against optimizers.json, on every backend.
import { fromFlat, optim, type Tensor, zeros } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
import { expectClose } from '../support/expectClose.ts';
import { readConformance, type StoredTensor } from './conformanceDir.ts';
import { optimizers, typesByName } from './counterparts.ts';
import { expectKnown } from './expectKnown.ts';
import { camelCase } from './names.ts';

interface Case {
  readonly optimizer: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly params: readonly StoredTensor[];
  readonly steps: readonly { readonly grads: readonly StoredTensor[]; readonly params: readonly StoredTensor[] }[];
}

type OptimizerClass = new (parameters: Tensor[], options: object) => optim.Optimizer;

/** Returns the class of an optimizer of a job spec. The engine must export this class. */
function classOf(type: string): OptimizerClass {
  const definition = optim.findOptimizer(type);
  const { constructor } = definition.build(definition.schema.parse({ type }), [zeros([1], { requiresGrad: true })]);
  const exported: readonly unknown[] = Object.values(optim);
  expect(exported, `the engine does not export the class ${constructor.name}`).toContain(constructor);
  return constructor as OptimizerClass;
}

const types = typesByName(optimizers);

const tolerance = { absolute: 1e-5, relative: 1e-4 };

/** PyTorch's arguments → the engine's options. */
function optionsOf(args: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name === 'lr' ? 'learningRate' : camelCase(name), value]));
}

const cases = readConformance<Case[]>('optimizers.json');
const known = cases.filter(({ optimizer }) => types.has(optimizer));

test('optimizers.json holds only optimizers that the engine has', () => {
  expectKnown(
    'optimizers.json',
    cases.map(({ optimizer }) => optimizer),
    Object.fromEntries(types),
  );
});

onEveryBackend(() => {
  describe.each(known.map((entry, index) => ({ ...entry, index })))(
    '$optimizer $args, case $index',
    ({ optimizer, args, params, steps }) => {
      test("moves the parameters as PyTorch's after every step", () => {
        const parameters = params.map(({ data, shape }) => fromFlat(data, shape, { requiresGrad: true }));
        const optimize = new (classOf(types.get(optimizer) ?? ''))(parameters, optionsOf(args));
        expect(steps.length).toBeGreaterThan(0);
        steps.forEach((step, index) => {
          parameters.forEach((parameter, i) => {
            parameter.grad = fromFlat(step.grads[i].data, step.grads[i].shape);
          });
          optimize.step();
          parameters.forEach((parameter, i) => expectClose(parameter, step.params[i], tolerance, `parameter ${i} after step ${index + 1}`));
        });
      });
    },
  );
});
