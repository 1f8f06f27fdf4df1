// Tests losses as functions and as modules. tests/conformance compares their values with PyTorch, lossesGradients.test.ts tests their
// gradients, and lossesDefinitions.test.ts their definitions.
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
  MSELoss,
  mseLoss,
  NLLLoss,
  nllLoss,
  rand,
  randn,
  SmoothL1Loss,
  smoothL1Loss,
  tensor,
  zeros,
} from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';
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

    test('has the classes in the second dimension if there are more than two', () => {
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
      expectRefusal(() => mseLoss(zeros([1, 10]), zeros([10])), 'shapeMismatch', /\[1, 10\].*\[10\].*use target\.reshape\(\[1, 10\]\)/);
    });
  });

  test('a loss module gives the same result as its function and prints as in PyTorch', () => {
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
      [
        'to broadcast',
        () => l1Loss(zeros([1, 10]), zeros([10])),
        'shapeMismatch',
        /l1Loss.*\[1, 10\].*\[10\].*use target\.reshape\(\[1, 10\]\)/,
      ],
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
