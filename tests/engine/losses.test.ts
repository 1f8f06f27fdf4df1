// Losses as functions, as modules and as definitions. Their values against PyTorch's are in tests/conformance.
import {
  BCELoss,
  BCEWithLogitsLoss,
  bceLoss,
  bceWithLogitsLoss,
  CrossEntropyLoss,
  crossEntropy,
  HuberLoss,
  huberLoss,
  indices,
  KLDivLoss,
  klDivLoss,
  L1Loss,
  l1Loss,
  lossDefinitions,
  lossSchema,
  MSELoss,
  mseLoss,
  NLLLoss,
  nllLoss,
  rand,
  randn,
  SmoothL1Loss,
  smoothL1Loss,
  type Target,
  tensor,
  zeros,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
import { checkGradients } from '../support/checkGradients.ts';
import { expectRefusal } from '../support/expectRefusal.ts';

const logits = [
  [1, 2, 3],
  [3, 1, 0],
  [0.5, 0, 0],
];

onEveryBackend(() => {
  describe('crossEntropy', () => {
    const classes = () => indices([0, 1, 2]);
    const weight = () => tensor([1, 2, 3]);

    // Values that PyTorch gives for the same input.
    test.each([
      ['ignores a class', () => crossEntropy(tensor(logits), classes(), { ignoreIndex: 1 }), 1.8509913682937622],
      [
        'ignores a class, smoothed',
        () => crossEntropy(tensor(logits), classes(), { ignoreIndex: 1, labelSmoothing: 0.3 }),
        1.675991415977478,
      ],
      [
        'ignores a class, smoothed and weighted',
        () => crossEntropy(tensor(logits), classes(), { ignoreIndex: 1, labelSmoothing: 0.3, weight: weight() }),
        1.443676233291626,
      ],
      [
        'sums what is left of an ignored class',
        () => crossEntropy(tensor(logits), classes(), { ignoreIndex: 0, labelSmoothing: 0.3, reduction: 'sum' }),
        3.314223051071167,
      ],
      ['takes a single sample', () => crossEntropy(tensor([1, 2, 3]), indices([1], [])), 1.4076058864593506],
      ['stays finite for extreme logits', () => crossEntropy(tensor([[1000, 0, -1000]]), indices([2])), 2000],
    ])('%s', (_, compute, expected) => {
      expect(compute().item()).toBeCloseTo(expected, 5);
    });

    test('takes classes in the second of more dimensions', () => {
      const values = Array.from({ length: 24 }, (_, i) => Math.sin(i / 7));
      const input = tensor(values).reshape(2, 3, 4);
      expect(crossEntropy(input, indices([0, 1, 2, 0, 2, 2, 1, 0], [2, 4])).item()).toBeCloseTo(1.2460750341415405, 5);
    });

    test('gives each sample its own loss with reduction none', () => {
      const losses = crossEntropy(tensor(logits), classes(), { weight: weight(), labelSmoothing: 0.3, reduction: 'none' });
      const expected = [2.329887628555298, 4.43969202041626, 3.444817543029785];
      expect(losses.shape).toEqual([3]);
      losses.values.forEach((loss, i) => expect(loss).toBeCloseTo(expected[i], 5));
    });

    test('is NaN when every target is ignored, as in PyTorch', () => {
      expect(crossEntropy(tensor(logits), indices([1, 1, 1]), { ignoreIndex: 1 }).item()).toBeNaN();
    });

    test("shows PyTorch's two nodes in its graph", () => {
      const loss = crossEntropy(zeros([2, 3], { requiresGrad: true }), indices([0, 1]));
      expect(String(loss.gradFn)).toBe('<NllLossBackward0>');
      expect(String(loss.gradFn?.nextFunctions[0][0])).toBe('<LogSoftmaxBackward0>');
    });

    test.each([
      [
        'a class that does not exist',
        () => crossEntropy(tensor(logits), indices([0, 3, 1])),
        'invalidArgument',
        /target 1 is class 3.*from 0 to 2/,
      ],
      ['a negative class', () => crossEntropy(tensor(logits), indices([0, -1, 1])), 'invalidArgument', /target 1 is class -1/],
      [
        'as many targets as it has not samples',
        () => crossEntropy(tensor(logits), indices([0, 1])),
        'shapeMismatch',
        /\[3, 3\].*target \[3\], got \[2\]/,
      ],
      ['targets that are values', () => crossEntropy(tensor(logits), zeros([3])), 'invalidArgument', /int32, got float.*mseLoss/],
      ['a scalar input', () => nllLoss(tensor(1), indices([0], [])), 'shapeMismatch', /an input \[\]/],
      [
        'weights of other classes',
        () => crossEntropy(tensor(logits), classes(), { weight: tensor([1, 2]) }),
        'shapeMismatch',
        /shape \[3\], got \[2\]/,
      ],
      [
        'more smoothing than all',
        () => crossEntropy(tensor(logits), classes(), { labelSmoothing: 1.5 }),
        'invalidArgument',
        /0 to 1, got 1.5/,
      ],
    ])('refuses %s', (_, compute, code, message) => {
      expectRefusal(compute, code, message);
    });
  });

  describe('mseLoss', () => {
    test("shows PyTorch's node in its graph, between the output and a constant target", () => {
      const loss = mseLoss(zeros([2, 3], { requiresGrad: true }), zeros([2, 3]));
      expect(String(loss.gradFn)).toBe('<MseLossBackward0>');
      expect(loss.gradFn?.nextFunctions.map(([node]) => node?.name ?? null)).toEqual(['AccumulateGrad', null]);
    });

    test('is the mean over all elements, not over samples', () => {
      expect(mseLoss(tensor([[3, 1]]), tensor([[1, 1]])).item()).toBe(2);
    });

    test('refuses to broadcast', () => {
      expectRefusal(() => mseLoss(zeros([1, 10]), zeros([10])), 'shapeMismatch', /\[1, 10\].*\[10\].*reshape the target/);
    });
  });

  test('a loss as a module does what its function does, and prints as in PyTorch', () => {
    const [input, values, classes] = [randn([4, 5]), randn([4, 5]), indices([0, 4, 2, 2])];
    expect(new MSELoss({ reduction: 'sum' }).forward(input, values).item()).toBe(mseLoss(input, values, { reduction: 'sum' }).item());
    const options = { labelSmoothing: 0.2 };
    expect(new CrossEntropyLoss(options).forward(input, classes).item()).toBe(crossEntropy(input, classes, options).item());
    expect(new NLLLoss().forward(input, classes).item()).toBe(nllLoss(input, classes).item());
    const modules = [MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCELoss, BCEWithLogitsLoss, KLDivLoss];
    const functions = [mseLoss, l1Loss, smoothL1Loss, huberLoss, bceLoss, bceWithLogitsLoss, klDivLoss];
    const [shares, wanted] = [rand([4, 5]), rand([4, 5])];
    modules.forEach((Loss, i) => {
      const loss = new Loss({ reduction: 'sum' });
      expect(loss.forward(shares, wanted).item()).toBe(functions[i](shares, wanted, { reduction: 'sum' }).item());
      expect(String(loss)).toBe(`${Loss.name}()`);
    });
    expect(String(new CrossEntropyLoss())).toBe('CrossEntropyLoss()');
  });

  describe('losses of values', () => {
    const input = () =>
      tensor([
        [0.2, 0.9],
        [0.5, 0.4],
      ]);
    const target = () =>
      tensor([
        [0, 1],
        [1, 0.3],
      ]);

    // Values that PyTorch gives for the same input.
    test.each([
      ['bceLoss with weights', () => bceLoss(input(), target(), { weight: tensor([2, 0.5]) }), 0.5503736138343811],
      ['bceLoss of certain and wrong probabilities', () => bceLoss(tensor([0, 1]), tensor([1, 0])), 100],
      ['bceWithLogitsLoss with posWeight', () => bceWithLogitsLoss(input(), target(), { posWeight: tensor([3, 0.5]) }), 0.7767524719238281],
      [
        'bceWithLogitsLoss with posWeight and weights',
        () => bceWithLogitsLoss(input(), target(), { posWeight: tensor([3, 0.5]), weight: tensor([[2], [1]]), reduction: 'sum' }),
        4.075725555419922,
      ],
      ['bceWithLogitsLoss of extreme logits', () => bceWithLogitsLoss(tensor([1000, -1000]), tensor([0, 1])), 1000],
      ['klDivLoss of a target that holds 0', () => klDivLoss(input(), target(), { reduction: 'sum' }), -1.8811918497085571],
      ['klDivLoss with logTarget', () => klDivLoss(input(), target(), { reduction: 'batchmean', logTarget: true }), 0.6479915976524353],
      ['smoothL1Loss with beta 0', () => smoothL1Loss(input(), target(), { beta: 0 }), 0.22499999403953552],
    ])('%s', (_, compute, expected) => {
      expect(Math.abs(compute().item() - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected));
    });

    test.each([
      ['to broadcast', () => l1Loss(zeros([1, 10]), zeros([10])), 'shapeMismatch', /l1Loss.*\[1, 10\].*\[10\].*reshape the target/],
      ['class labels', () => huberLoss(zeros([2]), indices([0, 1])), 'invalidArgument', /huberLoss compares values.*crossEntropy/],
      ['a negative beta', () => smoothL1Loss(zeros([1]), zeros([1]), { beta: -1 }), 'invalidArgument', /beta must be at least 0, got -1/],
      ['a delta of 0', () => huberLoss(zeros([1]), zeros([1]), { delta: 0 }), 'invalidArgument', /delta must be above 0, got 0/],
      ['what is no probability', () => bceLoss(tensor([0.5, 1.5]), zeros([2])), 'invalidArgument', /element 1 is 1.5.*bceWithLogitsLoss/],
      [
        'weights that do not broadcast',
        () => bceWithLogitsLoss(zeros([2, 3]), zeros([2, 3]), { posWeight: tensor([[[1]]]) }),
        'shapeMismatch',
        /posWeight of shape \[1, 1, 1\]/,
      ],
    ])('refuse %s', (_, compute, code, message) => {
      expectRefusal(compute, code, message);
    });
  });
});

describe('gradients equal finite differences', () => {
  test.each(['mean', 'sum', 'none'] as const)('of mseLoss, both ways, reduced to %s', (reduction) => {
    checkGradients(
      (input, target) => mseLoss(input, target, { reduction }),
      [
        [2, 3],
        [2, 3],
      ],
    );
  });

  const pointwise: readonly (readonly [string, typeof bceWithLogitsLoss])[] = [
    ['l1Loss', l1Loss],
    ['smoothL1Loss', (input, target, options) => smoothL1Loss(input, target, { ...options, beta: 0.3 })],
    ['huberLoss', (input, target, options) => huberLoss(input, target, { ...options, delta: 0.3 })],
    ['bceLoss', bceLoss],
    ['bceLoss with weights', (input, target, options) => bceLoss(input, target, { ...options, weight: tensor([1, 2, 0.5]) })],
    ['bceWithLogitsLoss', bceWithLogitsLoss],
    [
      'bceWithLogitsLoss with both factors',
      (input, target, options) => bceWithLogitsLoss(input, target, { ...options, weight: tensor([1, 2, 0.5]), posWeight: tensor([3]) }),
    ],
    ['klDivLoss', klDivLoss],
    ['klDivLoss with logTarget', (input, target, options) => klDivLoss(input, target, { ...options, logTarget: true })],
  ];
  const reductions = ['mean', 'sum', 'none'] as const;
  test.each(pointwise.flatMap(([name, loss]) => reductions.map((reduction) => [name, reduction, loss] as const)))(
    'of %s, both ways, reduced to %s',
    (_, reduction, loss) => {
      checkGradients(
        (input, target) => loss(input, target, { reduction }),
        [
          [2, 3],
          [2, 3],
        ],
        { range: [0.1, 0.9] },
      );
    },
  );

  test.each(['mean', 'sum', 'none'] as const)(
    'of crossEntropy with weights, smoothing and an ignored target, reduced to %s',
    (reduction) => {
      const options = { reduction, labelSmoothing: 0.2, ignoreIndex: 3 };
      checkGradients((input) => crossEntropy(input, indices([0, 2, 3, 1]), { ...options, weight: tensor([1, 2, 0.5]) }), [[4, 3]]);
    },
  );

  test.each(['mean', 'sum', 'none'] as const)('of crossEntropy with probabilities, reduced to %s', (reduction) => {
    const options = { reduction, labelSmoothing: 0.2, weight: tensor([1, 2, 0.5]) };
    checkGradients(
      (input, target) => crossEntropy(input, target, options),
      [
        [2, 3, 4],
        [2, 3, 4],
      ],
    );
  });

  test('of crossEntropy over maps', () => {
    checkGradients((input) => crossEntropy(input, indices([0, 2, 1, 1, 0, 2, 0, 1], [2, 4])), [[2, 3, 4]]);
  });
});

describe('a definition', () => {
  const digits: Target = { kind: 'class', classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] };
  const values: Target = { kind: 'values', shape: [10] };
  const anything = { min: -Infinity, max: Infinity };
  const check =
    (type: string, output: readonly number[], target: Target, range = anything, options: object = {}) =>
    () =>
      lossDefinitions.find((definition) => definition.type === type)?.check({ output, target, range }, { ...options });

  test('accepts an output that it can compare with the target', () => {
    expect(check('crossEntropy', [10], digits)).not.toThrow();
    expect(check('mse', [10], values)).not.toThrow();
    expect(check('mse', [1, 4, 4], { kind: 'values', shape: [1, 4, 4] })).not.toThrow();
    for (const type of ['l1', 'smoothL1', 'huber', 'bceWithLogits', 'klDiv']) expect(check(type, [10], values), type).not.toThrow();
    expect(check('bce', [10], values, { min: 0, max: 1 }, { weight: [2] })).not.toThrow();
    expect(check('nll', [10], digits, { min: -Infinity, max: 0 })).not.toThrow();
  });

  test.each([
    [
      'too few classes',
      check('crossEntropy', [5], digits),
      null,
      /crossEntropy needs the output \[10\].*got \[5\]: end with a linear layer of outFeatures 10/,
    ],
    [
      'a map instead of classes',
      check('crossEntropy', [16, 5, 5], digits),
      null,
      /got \[16, 5, 5\]: end with a flatten layer and a linear layer/,
    ],
    ['values instead of classes', check('crossEntropy', [10], values), 'type', /values of shape \[10\]: use the mse loss/],
    ['classes instead of values', check('mse', [10], digits), 'type', /labels of 10 classes: use the crossEntropy loss/],
    [
      'values of another shape',
      check('mse', [5], values),
      null,
      /targets' shape \[10\], got \[5\]: end with a linear layer of outFeatures 10/,
    ],
    ['classes for an absolute error', check('l1', [10], digits), 'type', /l1 compares with values.*crossEntropy/],
    ['values for a likelihood', check('nll', [10], values), 'type', /nll compares with class labels/],
    ['logits for probabilities', check('bce', [10], values), null, /bce takes probabilities.*-Infinity to Infinity: end with a sigmoid/],
    ['probabilities for logarithms', check('nll', [10], digits, { min: 0, max: 1 }), null, /nll takes log-probabilities.*from 0 on/],
    ['logarithms that are positive', check('klDiv', [10], values, { min: 0, max: 6 }), null, /end with a logSoftmax layer/],
    ['weights of other classes', check('crossEntropy', [10], digits, anything, { weight: [1, 2] }), 'weight', /2 weights.*10 classes/],
    [
      'weights of other features',
      check('bceWithLogits', [10], values, anything, { posWeight: [1, 2] }),
      'posWeight',
      /2 factors.*10 features/,
    ],
    ['values of more dimensions', check('mse', [5], { kind: 'values', shape: [2, 5] }), null, /\[2, 5\], got \[5\]/],
  ])('refuses %s, naming both and the remedy', (_, compute, field, message) => {
    expect(expectRefusal(compute, 'shapeMismatch', message)).toHaveProperty('field', field);
  });

  test("fills in PyTorch's defaults", () => {
    expect(lossSchema.parse({ type: 'crossEntropy' })).toEqual({
      type: 'crossEntropy',
      ignoreIndex: -100,
      labelSmoothing: 0,
      reduction: 'mean',
    });
    expect(lossSchema.parse({ type: 'smoothL1' })).toEqual({ type: 'smoothL1', reduction: 'mean', beta: 1 });
    expect(lossSchema.parse({ type: 'huber' })).toEqual({ type: 'huber', reduction: 'mean', delta: 1 });
    expect(lossSchema.parse({ type: 'nll' })).toEqual({ type: 'nll', reduction: 'mean', ignoreIndex: -100 });
    expect(lossSchema.parse({ type: 'klDiv' })).toEqual({ type: 'klDiv', reduction: 'mean', logTarget: false });
    for (const type of ['l1', 'bce', 'bceWithLogits']) expect(lossSchema.parse({ type })).toEqual({ type, reduction: 'mean' });
    expect(lossSchema.parse({ type: 'mse' })).toEqual({ type: 'mse', reduction: 'mean' });
  });

  test.each([
    { type: 'mse', reduction: 'none' },
    { type: 'crossEntropy', labelSmoothing: 1.1 },
    { type: 'crossEntropy', labelSmoothing: -0.1 },
    { type: 'nll', weight: [] },
    { type: 'huber', delta: 0 },
    { type: 'bceWithLogits', posWeight: -1 },
    { type: 'l1', reduction: 'batchmean' },
  ])('refuses %j', (spec) => {
    expect(lossSchema.safeParse(spec).success).toBe(false);
  });
});
