// Compares the outputs of ONNX models in onnxruntime with those of the networks in evaluation, for every layer and for random networks.
import { layerDefinitions } from '@trainyard/engine/spec';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyNetwork } from '../../support/layerArbitrary.ts';
import { layerSamples } from '../../support/layerSamples.ts';
import { compareWithRuntime } from '../../support/onnxRuntime.ts';

const TOLERANCE = 1e-5;

/** Options for which the ONNX graph differs from that of the layer's sample. */
const variants: Readonly<Record<string, readonly (readonly [options: object, inputShape: readonly number[]])[]>> = {
  conv2d: [
    [{ outChannels: 2, kernelSize: 2, bias: false }, [3, 5, 5]],
    [{ outChannels: 6, kernelSize: 3, groups: 3, padding: [2, 1] }, [3, 5, 6]],
    [{ outChannels: 2, kernelSize: [4, 3], padding: 'same', dilation: [1, 2] }, [2, 5, 6]],
    [{ outChannels: 2, kernelSize: 4, padding: 'same', paddingMode: 'reflect' }, [2, 5, 6]],
    [{ outChannels: 2, kernelSize: 3, padding: [1, 3], paddingMode: 'circular' }, [1, 4, 5]],
    [{ outChannels: 2, kernelSize: 3, padding: [6, 1], paddingMode: 'replicate' }, [1, 4, 5]],
  ],
  convTranspose2d: [
    [{ outChannels: 3, kernelSize: 2, stride: 2, bias: false }, [2, 3, 4]],
    [{ outChannels: 4, kernelSize: 3, groups: 2, padding: 2 }, [4, 3, 5]],
    [{ outChannels: 2, kernelSize: 2, padding: [0, 3], dilation: [3, 4], outputPadding: 2 }, [1, 3, 5]],
  ],
  avgPool2d: [
    [{ kernelSize: 2 }, [2, 5, 6]],
    [{ kernelSize: [3, 2], stride: 1, padding: 1, divisorOverride: 5 }, [2, 4, 3]],
    [{ kernelSize: 3, stride: 2, padding: 1, ceilMode: true }, [1, 6, 7]],
  ],
  adaptiveAvgPool2d: [
    [{ outputSize: 1 }, [3, 4, 5]],
    [{ outputSize: [3, 7] }, [1, 7, 3]],
  ],
  upsample: (['nearest', 'nearest-exact', 'bilinear', 'bicubic'] as const).flatMap((mode) => [
    [{ mode, scaleFactor: 2 }, [2, 3, 4]] as const,
    [{ mode, size: [2, 7] }, [1, 5, 4]] as const,
  ]),
  residual: [
    [{ layers: [{ type: 'conv2d', name: 'a', outChannels: 2, kernelSize: 3, padding: 1 }, { type: 'batchNorm2d' }] }, [2, 4, 4]],
    [{ layers: [{ type: 'relu' }], shortcut: [{ type: 'dropout' }, { type: 'tanh' }] }, [3]],
  ],
  squeezeExcite: ['relu', 'relu6', 'silu', 'hardSwish', 'gelu', 'mish'].map((activation) => [
    { squeezeChannels: 2, activation },
    [5, 2, 3],
  ]),
  branches: [
    [
      { branches: [[{ type: 'conv2d', outChannels: 2, kernelSize: 3, padding: 1 }], [], [{ type: 'batchNorm2d' }]], merge: 'add' },
      [2, 4, 4],
    ],
    [{ branches: [[], [{ type: 'linear', name: 'wide', outFeatures: 4 }]] }, [3]],
  ],
  linear: [[{ outFeatures: 4, bias: false }, [6]]],
  maxPool2d: [
    [{ kernelSize: 2 }, [1, 6, 7]],
    [{ kernelSize: [3, 2], stride: [4, 3], ceilMode: true, dilation: [2, 3] }, [2, 9, 8]],
    [{ kernelSize: 2, stride: 3, padding: 1, ceilMode: true }, [1, 5, 4]],
  ],
  batchNorm2d: [
    [{ affine: false }, [3, 4, 4]],
    [{ trackRunningStats: false }, [3, 4, 4]],
    [{ trackRunningStats: false, affine: false }, [3, 4, 4]],
  ],
  batchNorm1d: [
    [{}, [5]],
    [{ trackRunningStats: false }, [4, 3]],
    [{ trackRunningStats: false }, [5]],
  ],
  layerNorm: [
    [{}, [2, 3, 4]],
    [{ normalizedShape: 4, elementwiseAffine: false }, [2, 3, 4]],
    [{ normalizedShape: [3, 4], bias: false }, [2, 3, 4]],
  ],
  groupNorm: [
    [{ numGroups: 3, affine: false }, [6, 2, 2]],
    [{ numGroups: 2 }, [6]],
  ],
  instanceNorm2d: [
    [{}, [2, 3, 4]],
    [{ affine: true, eps: 0.1 }, [2, 3, 4]],
    [{ trackRunningStats: true }, [2, 3, 4]],
  ],
  dropout: [[{ p: 0.7 }, [3, 4]]],
  dropout2d: [[{ p: 0.7 }, [2, 3, 4]]],
  gelu: [[{}, [3, 4]]],
  softplus: [
    [{}, [3, 4]],
    [{ beta: 3, threshold: 0.5 }, [3, 4]],
  ],
  softmax: [[{ dim: 2 }, [3, 4, 2]]],
  prelu: [
    [{}, [3, 4, 2]],
    [{ numParameters: 5 }, [5]],
  ],
  flatten: [
    [{}, [3, 4, 2]],
    [{ startDim: 1, endDim: 2 }, [3, 4, 2]],
    [{}, [5]],
  ],
};

const cases = layerDefinitions.flatMap(({ type }) => {
  const { options, input } = layerSamples[type] ?? { options: {}, input: [4] };
  return [[options, input] as const, ...(variants[type] ?? [])].map(([options, input]) => [type, options, input] as const);
});

describe('onnxruntime gives the outputs of the engine', () => {
  test.for(cases)('of the layer %s %j on %j', async ([type, options, input], { task }) => {
    const { shape, ourShape, deviation } = await compareWithRuntime([{ type, ...options }], input);
    task.meta.deviation = deviation;
    expect(shape).toEqual(ourShape);
    expect(deviation).toBeLessThanOrEqual(TOLERANCE);
  });

  test('of any network', async ({ task }) => {
    task.meta.deviation = 0;
    await fc.assert(
      fc.asyncProperty(anyNetwork, async ({ inputShape, layers }) => {
        const { shape, ourShape, deviation } = await compareWithRuntime(layers, inputShape);
        expect(shape).toEqual(ourShape);
        expect(deviation).toBeLessThanOrEqual(TOLERANCE);
        task.meta.deviation = Math.max(task.meta.deviation ?? 0, deviation);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
