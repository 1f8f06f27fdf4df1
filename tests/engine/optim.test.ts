// Tests optimizers as classes and as definitions. tests/conformance compares their steps with PyTorch.
import { fromFlat, inArena, optim, type Tensor, tensor, zeros } from '@trainyard/engine';
import { parse } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

const { Adam, SGD } = optim;

/** A parameter with a gradient. */
function parameter(value: number, grad: number): Tensor {
  const leaf = tensor([value], { requiresGrad: true });
  leaf.grad = tensor([grad]);
  return leaf;
}

onEveryBackend(() => {
  test('a step does not change a parameter without a gradient', () => {
    const [moved, still] = [parameter(1, 1), tensor([1], { requiresGrad: true })];
    new SGD([moved, still], { learningRate: 0.5 }).step();
    expect([moved.item(), still.item()]).toEqual([0.5, 1]);
  });

  test('a step uses the current learning rate', () => {
    const leaf = parameter(1, 1);
    const optimizer = new SGD([leaf], { learningRate: 0.5 });
    optimizer.step();
    optimizer.learningRate = 0.25;
    optimizer.step();
    expect(leaf.item()).toBe(0.25);
  });

  test('maximize moves in the direction of the gradient', () => {
    const leaf = parameter(1, 1);
    new SGD([leaf], { learningRate: 0.5, maximize: true }).step();
    expect(leaf.item()).toBe(1.5);
    expect(leaf.grad?.item()).toBe(1);
  });

  test('zeroGrad sets existing gradients to zero in place and creates none', () => {
    const [leaf, other] = [parameter(1, 3), tensor([1], { requiresGrad: true })];
    const grad = leaf.grad;
    new SGD([leaf, other]).zeroGrad();
    expect(leaf.grad).toBe(grad);
    expect([leaf.grad?.item(), other.grad]).toEqual([0, null]);
  });

  test('a parameter that joins late starts its own momentum', () => {
    const [early, late] = [parameter(0, 1), tensor([0], { requiresGrad: true })];
    const optimizer = new SGD([early, late], { learningRate: 1, momentum: 0.5, dampening: 0.5 });
    optimizer.step();
    late.grad = tensor([1]);
    optimizer.step();
    expect(late.item()).toBe(-1);
    expect(early.item()).toBe(-2);
  });

  test('the state is kept after the arena of the step that created it', () => {
    const run = (wrap: (step: () => void) => void): number[] => {
      const leaf = fromFlat([1, 2, 3], [3], { requiresGrad: true });
      const optimizer = new Adam([leaf], { learningRate: 0.1, amsgrad: true });
      for (let i = 0; i < 5; i++) {
        wrap(() => {
          optimizer.zeroGrad();
          leaf.mul(leaf).sum().backward();
          optimizer.step();
        });
      }
      return [...leaf.values];
    };
    expect(run(inArena)).toEqual(run((step) => step()));
  });

  const everyOptimizer = optim.optimizerDefinitions.flatMap((definition) => {
    const plain = { type: definition.type, learningRate: 0.1, weightDecay: 0.01 };
    const options = Object.keys(definition.schema.shape);
    const variants = [
      {},
      ...(options.includes('momentum') ? [{ momentum: 0.9 }] : []),
      ...(options.includes('amsgrad') ? [{ amsgrad: true }] : []),
      ...(options.includes('centered') ? [{ centered: true }] : []),
      ...(options.includes('decoupledWeightDecay') ? [{ decoupledWeightDecay: true }] : []),
    ];
    return variants.map((variant) => ({ ...plain, ...variant }));
  });

  test.each(everyOptimizer)('%o gives the same results after its state was saved and loaded', (given) => {
    const spec = optim.optimizerSchema.parse(given);
    const start = (): [Tensor[], optim.Optimizer] => {
      const leaves = [fromFlat([1, -2, 3], [3], { requiresGrad: true }), tensor([0.5], { requiresGrad: true })];
      return [leaves, optim.buildOptimizer(spec, leaves)];
    };
    const take = ([leaves, optimizer]: [Tensor[], optim.Optimizer], steps: number): void => {
      for (let i = 0; i < steps; i++) {
        optimizer.zeroGrad();
        leaves[0].mul(leaves[0]).sum().backward();
        optimizer.step();
      }
    };
    const undisturbed = start();
    take(undisturbed, 9);
    const before = start();
    take(before, 4);
    const after = start();
    before[0].forEach((leaf, i) => after[0][i].values.set(leaf.values));
    after[1].load(structuredClone(before[1].state()));
    take(after, 5);
    expect(after[0].map((leaf) => [...leaf.values])).toEqual(undisturbed[0].map((leaf) => [...leaf.values]));
    expect(after[1].state()).toEqual(undisturbed[1].state());
    expect(undisturbed[0][0].values[0]).not.toBe(1);
    expect(undisturbed[1].state()[1]).toBeNull();
  });

  test('a momentum that is set later applies from that step on, as when a scheduler cycles it', () => {
    const leaf = parameter(0, 1);
    const optimizer = new SGD([leaf], { learningRate: 1 });
    optimizer.step();
    optimizer.momentum = 0.5;
    optimizer.step();
    optimizer.step();
    expect(leaf.item()).toBe(-3.5);
  });

  test('a step between forward and backward is detected', () => {
    const leaf = parameter(2, 1);
    const loss = leaf.mul(leaf).sum();
    new SGD([leaf]).step();
    expectRefusal(() => loss.backward(), 'autograd', 'changed in place');
  });
});

describe('an optimizer refuses', () => {
  const trained = (): optim.Optimizer => {
    const optimizer = new Adam([parameter(1, 1)]);
    optimizer.step();
    return optimizer;
  };
  test.each([
    ['a state of more parameters', () => trained().load([null, null]), /state has 2 parameters, but the optimizer has 1/],
    ['a state of another optimizer', () => new SGD([parameter(1, 1)]).load(trained().state()), /"expAvg", which does not fit/],
    ['a state that lacks something', () => trained().load([{ step: 1, buffers: {} }]), /parameter 0 lacks "expAvg"/],
    [
      'a state of another size',
      () => new Adam([tensor([1, 2], { requiresGrad: true })]).load(trained().state()),
      /has 1 values of "expAvg"/,
    ],
    ['no parameters', () => new SGD([]), /at least one parameter/],
    [
      'a parameter that was computed',
      () => new SGD([zeros([2], { requiresGrad: true }).add(1)]),
      /takes leaf tensors, but the tensor of shape \[2\] was computed/,
    ],
    [
      'a parameter twice',
      () => {
        const leaf = zeros([1], { requiresGrad: true });
        return new Adam([leaf, leaf]);
      },
      /the same parameter twice/,
    ],
    ['a negative learning rate', () => new SGD([parameter(1, 1)], { learningRate: -1 }), /SGD: learningRate: must be at least 0, got -1/],
    [
      'nesterov without momentum',
      () => new SGD([parameter(1, 1)], { nesterov: true }),
      /SGD: nesterov: .*momentum above 0 and dampening 0, got 0 and 0/,
    ],
    ['a beta of 1', () => new Adam([parameter(1, 1)], { betas: [0.9, 1] }), /Adam: betas.1: must be less than 1, got 1/],
  ])('%s', (_, make, message) => {
    expectRefusal(make, 'invalidArgument', message);
  });
});

describe('a definition', () => {
  test("fills in PyTorch's defaults", () => {
    expect(optim.optimizerSchema.parse({ type: 'sgd' })).toEqual({
      type: 'sgd',
      learningRate: 0.001,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
    });
    expect(optim.optimizerSchema.parse({ type: 'adam' })).toEqual({
      type: 'adam',
      learningRate: 0.001,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      amsgrad: false,
      maximize: false,
    });
    const common = { weightDecay: 0, maximize: false };
    const family = { betas: [0.9, 0.999], eps: 1e-8, ...common };
    const decoupled = { ...family, decoupledWeightDecay: false };
    expect(optim.optimizerSchema.parse({ type: 'adamW' })).toEqual({
      type: 'adamW',
      learningRate: 1e-3,
      ...family,
      weightDecay: 0.01,
      amsgrad: false,
    });
    expect(optim.optimizerSchema.parse({ type: 'rmsprop' })).toEqual({
      type: 'rmsprop',
      learningRate: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      momentum: 0,
      centered: false,
      ...common,
    });
    expect(optim.optimizerSchema.parse({ type: 'adagrad' })).toEqual({
      type: 'adagrad',
      learningRate: 1e-2,
      lrDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
      ...common,
    });
    expect(optim.optimizerSchema.parse({ type: 'adadelta' })).toEqual({
      type: 'adadelta',
      learningRate: 1,
      rho: 0.9,
      eps: 1e-6,
      ...common,
    });
    expect(optim.optimizerSchema.parse({ type: 'adamax' })).toEqual({ type: 'adamax', learningRate: 2e-3, ...family });
    expect(optim.optimizerSchema.parse({ type: 'nAdam' })).toEqual({
      type: 'nAdam',
      learningRate: 2e-3,
      momentumDecay: 4e-3,
      ...decoupled,
    });
    expect(optim.optimizerSchema.parse({ type: 'rAdam' })).toEqual({ type: 'rAdam', learningRate: 1e-3, ...decoupled });
  });

  test.each([
    [{ type: 'sgd', nesterov: true }, '/nesterov'],
    [{ type: 'sgd', nesterov: true, momentum: 0.9, dampening: 0.1 }, '/nesterov'],
    [{ type: 'sgd', learningRate: Number('1e999') }, '/learningRate'],
    [{ type: 'sgd', learningRate: -0.1 }, '/learningRate'],
    [{ type: 'sgd', momentum: 1 }, '/momentum'],
    [{ type: 'adam', betas: [0.9] }, '/betas'],
    [{ type: 'adam', betas: [0.9, 1] }, '/betas/1'],
    [{ type: 'adam', eps: -1 }, '/eps'],
    [{ type: 'rmsprop', alpha: 1 }, '/alpha'],
    [{ type: 'adagrad', lrDecay: -1 }, '/lrDecay'],
    [{ type: 'adadelta', rho: 1.1 }, '/rho'],
    [{ type: 'nAdam', momentumDecay: -1 }, '/momentumDecay'],
  ])('refuses %j and points at the option', (spec, path) => {
    expect(parse(optim.optimizerSchema, spec)).toMatchObject({ ok: false, problems: [{ path }] });
  });

  test('gives the number of arrays that it keeps for each parameter', () => {
    const arraysOf = (spec: object): number | undefined => {
      const parsed = optim.optimizerSchema.parse(spec);
      return optim.findOptimizer(parsed.type).stateArrays(parsed);
    };
    for (const definition of optim.optimizerDefinitions) {
      for (const spec of [{}, { momentum: 0.9 }, { amsgrad: true }, { centered: true }]) {
        if (!Object.keys(spec).every((option) => option in definition.schema.shape)) continue;
        const leaf = fromFlat([1, 2, 3], [3], { requiresGrad: true });
        leaf.grad = fromFlat([1, 2, 3], [3]);
        const full = optim.optimizerSchema.parse({ type: definition.type, ...spec });
        const optimizer = optim.buildOptimizer(full, [leaf]);
        optimizer.step();
        const kept = Object.values(optimizer.state()[0]?.buffers ?? {}).filter(({ length }) => length === 3);
        expect(arraysOf(full), JSON.stringify(full)).toBe(kept.length);
      }
    }
  });

  test('builds the optimizer of a spec', () => {
    const spec = optim.optimizerSchema.parse({ type: 'adam', learningRate: 0.25 });
    const optimizer = optim.buildOptimizer(spec, [parameter(1, 1)]);
    expect(optimizer).toBeInstanceOf(Adam);
    expect(optimizer.learningRate).toBe(0.25);
  });
});
