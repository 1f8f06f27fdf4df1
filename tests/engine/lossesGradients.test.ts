// Compares the gradients of losses with finite differences, for every option that changes them.
import {
  bceLoss,
  bceWithLogitsLoss,
  crossEntropy,
  huberLoss,
  indices,
  klDivLoss,
  l1Loss,
  mseLoss,
  smoothL1Loss,
  tensor,
} from '@trainyard/engine';
import { describe, test } from 'vitest';
import { checkGradients } from '../support/checkGradients.ts';

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
