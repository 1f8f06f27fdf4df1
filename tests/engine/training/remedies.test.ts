// Tests the advice in the errors of refused specs: a spec that follows it exactly is accepted.
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';

const classes = {
  data: { dataset: 'digits', trainLimit: 65, testLimit: 20, batchSize: 32 },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 },
  epochs: 4,
};
const values = {
  ...classes,
  data: { dataset: 'random', inputShape: [4], targetShape: [1], samples: 9, batchSize: 4 },
  model: { layers: [{ type: 'linear', outFeatures: 3 }] },
};
const layers = (...before: object[]) => ({ layers: [{ type: 'flatten' }, ...before, { type: 'linear', outFeatures: 10 }] });
const batch = (batchSize: number, more: object = {}) => ({
  ...classes,
  model: layers({ type: 'batchNorm1d' }),
  data: { ...classes.data, batchSize, ...more },
});
const oneCycle = (more: object) => ({ ...classes, scheduler: { type: 'oneCycle', maxLearningRate: 0.1, ...more } });

function messagesOf(body: unknown): readonly string[] {
  try {
    checkSpec(body);
    return [];
  } catch (error) {
    if (error instanceof SpecError) return error.issues.map(({ message }) => message);
    throw error;
  }
}

describe('a refused spec is accepted after following the advice', () => {
  test.for<[string, unknown, RegExp, unknown[]]>([
    [
      'a loss of classes for single values',
      values,
      /values of shape \[1\]: if they are classes, upload them as classes \(targetKind=class\), else use the mse loss and an output of shape \[1\]/,
      [{ ...values, loss: { type: 'mse' }, model: { layers: [{ type: 'linear', outFeatures: 1 }] } }],
    ],
    [
      'a loss of classes for values of the shape of the output',
      { ...values, data: { ...values.data, targetShape: [3] } },
      /values of shape \[3\]: use the mse loss$/,
      [{ ...values, data: { ...values.data, targetShape: [3] }, loss: { type: 'mse' } }],
    ],
    ['a loss of values for classes', { ...classes, loss: { type: 'mse' } }, /use the crossEntropy loss/, [classes]],
    ['a batch of one sample at the end', batch(32), /set dropLast, or use 31$/, [batch(32, { dropLast: true }), batch(31)]],
    ['batches of one sample', batch(1), /use 2$|use 3$/, [batch(3)]],
    [
      'a batch norm and a single sample',
      {
        ...values,
        data: { ...values.data, samples: 1 },
        loss: { type: 'mse' },
        model: { layers: [{ type: 'batchNorm1d' }, { type: 'linear', outFeatures: 1 }] },
      },
      /use data with at least 2 training samples/,
      [
        {
          ...values,
          data: { ...values.data, samples: 2 },
          loss: { type: 'mse' },
          model: { layers: [{ type: 'batchNorm1d' }, { type: 'linear', outFeatures: 1 }] },
        },
      ],
    ],
    [
      'a cycle that is too short',
      oneCycle({ totalSteps: 3 }),
      /remove totalSteps, or use 12$/,
      [oneCycle({}), oneCycle({ totalSteps: 12 })],
    ],
    [
      'a momentum to cycle where there is none',
      { ...oneCycle({ cycleMomentum: true }), optimizer: { type: 'adagrad' } },
      /use false, or remove cycleMomentum/,
      [
        { ...oneCycle({ cycleMomentum: false }), optimizer: { type: 'adagrad' } },
        { ...oneCycle({}), optimizer: { type: 'adagrad' } },
      ],
    ],
    [
      'an epoch without a batch',
      { ...classes, data: { ...classes.data, batchSize: 99, dropLast: true } },
      /use at most 65/,
      [{ ...classes, data: { ...classes.data, batchSize: 65, dropLast: true } }],
    ],
    [
      'two layers with one name',
      {
        ...classes,
        model: {
          layers: [
            { type: 'flatten', name: 'a' },
            { type: 'linear', name: 'a', outFeatures: 10 },
          ],
        },
      },
      /names are unique/,
      [
        {
          ...classes,
          model: {
            layers: [
              { type: 'flatten', name: 'a' },
              { type: 'linear', name: 'b', outFeatures: 10 },
            ],
          },
        },
      ],
    ],
    [
      'log-probabilities of a softmax',
      { ...classes, loss: { type: 'nll' }, model: { layers: [...classes.model.layers, { type: 'softmax' }] } },
      /end with a logSoftmax layer instead/,
      [{ ...classes, loss: { type: 'nll' }, model: { layers: [...classes.model.layers, { type: 'logSoftmax' }] } }],
    ],
    ['a linear layer on images', { ...classes, model: { layers: [{ type: 'linear', outFeatures: 10 }] } }, /flatten/, [classes]],
  ])('%s', ([, body, message, mended]) => {
    const messages = messagesOf(body);
    expect(
      messages.filter((each) => message.test(each)),
      messages.join('\n'),
    ).toHaveLength(1);
    for (const better of mended) expect(messagesOf(better)).toEqual([]);
  });
});
