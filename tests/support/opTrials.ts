// Random trials of operations, with shapes that broadcast, windows that fit, and all options. Tests use them to check properties that all
// operations must have.
import * as ops from '@trainyard/engine';
import type { Shape, Tensor } from '@trainyard/engine';
import * as fc from 'fast-check';
import { activationFunctions } from './activationFunctions.ts';

/** An operation and the shapes of its operands. The values of the operands are between `low` and 2. */
export interface Trial {
  readonly compute: (...operands: Tensor[]) => Tensor;
  readonly shapes: readonly Shape[];
  readonly low?: number;
  /** Whether the operation is elementwise: each number of the result depends on one number of each operand. */
  readonly isElementwise?: boolean;
  readonly seed: number;
}

const seed = fc.integer({ min: 0, max: 1e6 });
const length = fc.integer({ min: 1, max: 9 });
const shape = fc.array(length, { maxLength: 4 });
const vector = (max: number) => fc.integer({ min: 1, max });

/** Two random shapes that broadcast: some dimensions of a common shape are set to 1, and some leading ones are removed. */
const broadcastPair = shape.chain((common) => {
  const operand = fc
    .tuple(fc.array(fc.boolean(), { minLength: common.length, maxLength: common.length }), fc.integer({ min: 0, max: common.length }))
    .map(([ones, dropped]): Shape => common.map((size, dim) => (ones[dim] ? 1 : size)).slice(dropped));
  return fc.tuple(operand, operand);
});

/** Random windows along one dimension that fit into the input. */
const side = (maxPadding: (kernel: number) => number) =>
  fc.record({ kernel: vector(5), stride: vector(3), dilation: vector(2), extra: fc.nat(9), padding: fc.nat(3) }).map((side) => {
    const padding = Math.min(side.padding, maxPadding(side.kernel));
    return { ...side, padding, length: Math.max(1, side.dilation * (side.kernel - 1) + 1 - 2 * padding) + side.extra };
  });

const unary: readonly (readonly [string, (x: Tensor) => Tensor, number])[] = [
  ['neg', ops.neg, -2],
  ['exp', ops.exp, -2],
  ['log', ops.log, 0.1],
  ['sqrt', ops.sqrt, 0.1],
  ['square', ops.square, -2],
  ['abs', ops.abs, -2],
  ['relu', ops.relu, -2],
  ...activationFunctions.map(([name, compute]) => [name, (x: Tensor) => compute(x.mul(4)), -2] as const),
  ['gelu by tanh', (x) => ops.gelu(x, 'tanh'), -2],
  ['pow 3', (x) => ops.pow(x, 3), -2],
  ['pow -0.5', (x) => ops.pow(x, -0.5), 0.1],
];

/** The trials by the name of the operation. */
export const opTrials: readonly (readonly [string, fc.Arbitrary<Trial>])[] = [
  ...unary.map(([name, compute, low]): [string, fc.Arbitrary<Trial>] => [
    name,
    fc.record({ shape, seed }).map(({ shape, seed }) => ({ compute, shapes: [shape], low, isElementwise: true, seed })),
  ]),
  ...Object.entries({ add: ops.add, sub: ops.sub, mul: ops.mul, div: ops.div }).map(([name, compute]): [string, fc.Arbitrary<Trial>] => [
    name,
    fc.record({ shapes: broadcastPair, seed }).map(({ shapes, seed }) => ({ compute, shapes, low: 0.25, seed })),
  ]),
  ...Object.entries({ sum: ops.sum, mean: ops.mean }).map(([name, reduce]): [string, fc.Arbitrary<Trial>] => [
    name,
    shape.chain((shape) =>
      fc
        .record({ dims: fc.subarray(shape.map((_, dim) => dim)), keepdim: fc.boolean(), seed })
        .map(({ dims, keepdim, seed }) => ({ compute: (x) => reduce(x, dims, keepdim), shapes: [shape], seed })),
    ),
  ]),
  [
    'permute',
    shape.chain((shape) =>
      fc
        .record({
          dims: fc.shuffledSubarray(
            shape.map((_, dim) => dim),
            { minLength: shape.length },
          ),
          seed,
        })
        .map(({ dims, seed }) => ({ compute: (x) => ops.permute(x, dims), shapes: [shape], seed })),
    ),
  ],
  [
    'expand',
    fc
      .record({
        from: fc.array(fc.record({ length, repeats: fc.boolean() }), { maxLength: 3 }),
        leading: fc.array(length, { maxLength: 2 }),
        seed,
      })
      .map(({ from, leading, seed }) => ({
        compute: (x) => ops.expand(x, [...leading, ...from.map(({ length }) => length)]),
        shapes: [from.map(({ length, repeats }) => (repeats ? 1 : length))],
        seed,
      })),
  ],
  [
    'logSoftmax',
    shape
      .filter(({ length }) => length > 0)
      .chain((shape) =>
        fc
          .record({ dim: fc.integer({ min: 0, max: shape.length - 1 }), seed })
          .map(({ dim, seed }) => ({ compute: (x) => ops.logSoftmax(x, dim), shapes: [shape], seed })),
      ),
  ],
  [
    'softmax',
    fc.record({ outer: length, size: length, inner: length, seed }).map(({ outer, size, inner, seed }) => ({
      compute: (x) => ops.softmax(x, 1),
      shapes: [[outer, size, inner]],
      seed,
    })),
  ],
  [
    'prelu',
    fc.record({ batch: length, channels: length, inner: length, seed }).map(({ batch, channels, inner, seed }) => ({
      compute: ops.prelu,
      shapes: [[batch, channels, inner], [channels]],
      seed,
    })),
  ],
  [
    'batchNorm',
    fc.record({ batch: vector(5), channels: length, inner: vector(40), seed }).map(({ batch, channels, inner, seed }) => ({
      compute: (x, weight, bias) => ops.batchNorm(x, null, weight, bias, { training: true, eps: 0.1 }),
      shapes: [[batch + 1, channels, inner], [channels], [channels]],
      seed,
    })),
  ],
  [
    'layerNorm and groupNorm',
    fc.record({ batch: length, groups: vector(3), inner: vector(40), seed }).map(({ batch, groups, inner, seed }) => ({
      compute: (x, weight) => ops.groupNorm(ops.layerNorm(x, [inner], null, null, 0.1), groups, weight, null, 0.1),
      shapes: [[batch, groups * 2, inner], [groups * 2]],
      seed,
    })),
  ],
  [
    'instanceNorm',
    fc.record({ batch: length, channels: length, positions: vector(60), seed }).map(({ batch, channels, positions, seed }) => ({
      compute: (x, weight, bias) => ops.instanceNorm(x, null, weight, bias, { eps: 0.1 }),
      shapes: [[batch, channels, positions + 1], [channels], [channels]],
      seed,
    })),
  ],
  [
    'matmul',
    fc.record({ m: vector(40), k: vector(40), n: vector(40), seed }).map(({ m, k, n, seed }) => ({
      compute: ops.matmul,
      shapes: [
        [m, k],
        [k, n],
      ],
      seed,
    })),
  ],
  [
    'matmul of batches that broadcast',
    fc.record({ batches: broadcastPair, m: length, k: length, n: length, seed }).map(({ batches: [a, b], m, k, n, seed }) => ({
      compute: ops.matmul,
      shapes: [
        [...a, m, k],
        [...b, k, n],
      ],
      seed,
    })),
  ],
  [
    'linear',
    fc
      .record({ leading: fc.array(length, { maxLength: 2 }), inFeatures: vector(70), outFeatures: vector(40), bias: fc.boolean(), seed })
      .map(({ leading, inFeatures, outFeatures, bias, seed }) => ({
        compute: ops.linear,
        shapes: [[...leading, inFeatures], [outFeatures, inFeatures], ...(bias ? [[outFeatures]] : [])],
        seed,
      })),
  ],
  ['conv2d', fc.record({ maxChannels: fc.constantFrom(2, 6), seed }).chain(({ maxChannels, seed }) => convolution(maxChannels, seed))],
  ['conv2d, depthwise', seed.chain((seed) => convolution(1, seed, 12))],
  ['maxPool2d', pooling()],
  [
    'maximum and minimum',
    fc
      .record({ shapes: broadcastPair, seed })
      .map(({ shapes, seed }) => ({ compute: (a, b) => ops.maximum(a, b).add(ops.minimum(b, a.mul(2))), shapes, seed })),
  ],
  [
    'variance',
    fc
      .record({ shape: fc.tuple(vector(9), vector(9)), seed })
      .map(({ shape: [n, m], seed }) => ({ compute: (x) => ops.variance(x, 0), shapes: [[n + 1, m]], seed })),
  ],
  [
    'max along a dimension',
    fc.record({ shape: fc.tuple(vector(4), vector(9), vector(9)), dim: fc.nat(2), seed }).map(({ shape, dim, seed }) => ({
      compute: (x) => ops.max(x, dim).values,
      shapes: [shape],
      seed,
    })),
  ],
  [
    'cat, narrow, pad and embedding',
    fc
      .record({
        outer: vector(3),
        sizes: fc.tuple(vector(5), vector(5)),
        inner: vector(40),
        before: fc.integer({ min: -1, max: 4 }),
        after: fc.nat(3),
        seed,
      })
      .map(({ outer, sizes: [a, b], inner, before, after, seed }) => ({
        compute: (x, y) => {
          const joined = ops.pad(ops.cat([x, y, x], 1), [after, 0, before, after], 'constant', 0.5);
          const wrapped = ops.pad(ops.narrow(joined, 1, 1, a), [1, 1], 'replicate');
          return ops.embedding(ops.indices([0, outer - 1, 0]), wrapped);
        },
        shapes: [
          [outer, a, inner],
          [outer, b, inner],
        ],
        seed,
      })),
  ],
  ['convTranspose2d', transposedConvolution()],
  ['avgPool2d', averaging()],
  [
    'adaptiveAvgPool2d',
    fc
      .record({ input: fc.tuple(vector(20), vector(20)), size: fc.tuple(vector(12), vector(12)), planes: vector(3), seed })
      .map(({ input, size, planes, seed }) => ({
        compute: (x) => ops.adaptiveAvgPool2d(x, size),
        shapes: [[planes, ...input]],
        seed,
      })),
  ],
  [
    'upsample',
    fc
      .record({
        input: fc.tuple(vector(12), vector(12)),
        size: fc.tuple(vector(20), vector(20)),
        mode: fc.constantFrom('nearest', 'nearest-exact', 'bilinear', 'bicubic'),
        corners: fc.boolean(),
        planes: vector(3),
        seed,
      })
      .map(({ input, size, mode, corners, planes, seed }) => ({
        compute: (x) => ops.upsample(x, { size, mode, alignCorners: corners && !mode.startsWith('nearest') }),
        shapes: [[planes, ...input]],
        seed,
      })),
  ],
];

function transposedConvolution(): fc.Arbitrary<Trial> {
  const sides = fc
    .record({ length: vector(6), kernel: vector(4), stride: vector(3), dilation: vector(3), extra: fc.nat(2), padding: fc.nat(4) })
    .map((side) => {
      const extra = Math.min(side.extra, Math.max(side.stride, side.dilation) - 1);
      const whole = (side.length - 1) * side.stride + side.dilation * (side.kernel - 1) + extra + 1;
      return { ...side, extra, padding: Math.min(side.padding, Math.floor((whole - 1) / 2)) };
    });
  return fc
    .record({ batch: vector(3), groups: vector(3), inPerGroup: vector(4), outPerGroup: vector(4), height: sides, width: sides, seed })
    .map(({ batch, groups, inPerGroup, outPerGroup, height, width, seed }) => {
      const options: ops.ConvTranspose2dOptions = {
        stride: [height.stride, width.stride],
        padding: [height.padding, width.padding],
        outputPadding: [height.extra, width.extra],
        dilation: [height.dilation, width.dilation],
        groups,
      };
      const shapes = [
        [batch, inPerGroup * groups, height.length, width.length],
        [inPerGroup * groups, outPerGroup, height.kernel, width.kernel],
        [outPerGroup * groups],
      ];
      return { compute: (x, weight, bias) => ops.convTranspose2d(x, weight, bias, options), shapes, seed };
    });
}

function averaging(): fc.Arbitrary<Trial> {
  const sides = side((kernel) => Math.floor(kernel / 2));
  return fc
    .record({ planes: vector(5), height: sides, width: sides, ceilMode: fc.boolean(), countIncludePad: fc.boolean(), seed })
    .map(({ planes, height, width, ceilMode, countIncludePad, seed }) => {
      const options: ops.AvgPool2dOptions = {
        stride: [height.stride, width.stride],
        padding: [height.padding, width.padding],
        ceilMode,
        countIncludePad,
      };
      return {
        compute: (x) => ops.avgPool2d(x, [height.kernel, width.kernel], options),
        shapes: [[planes, height.length, width.length]],
        seed,
      };
    });
}

function convolution(maxChannels: number, seed: number, maxGroups = 3): fc.Arbitrary<Trial> {
  const channels = vector(maxChannels);
  const sides = side(() => 3);
  return fc
    .record({
      batch: vector(3),
      groups: vector(maxGroups),
      inPerGroup: channels,
      outPerGroup: channels,
      height: sides,
      width: sides,
      bias: fc.boolean(),
    })
    .map(({ batch, groups, inPerGroup, outPerGroup, height, width, bias }) => {
      const options: ops.Conv2dOptions = {
        stride: [height.stride, width.stride],
        padding: [height.padding, width.padding],
        dilation: [height.dilation, width.dilation],
        groups,
      };
      const shapes = [
        [batch, inPerGroup * groups, height.length, width.length],
        [outPerGroup * groups, inPerGroup, height.kernel, width.kernel],
        ...(bias ? [[outPerGroup * groups]] : []),
      ];
      return { compute: (x, weight, bias) => ops.conv2d(x, weight, bias, options), shapes, seed };
    });
}

function pooling(): fc.Arbitrary<Trial> {
  const sides = side((kernel) => Math.floor(kernel / 2));
  return fc
    .record({ batch: vector(2), channels: vector(5), height: sides, width: sides, ceilMode: fc.boolean(), seed })
    .filter(({ height, width }) => [height, width].every(({ dilation, length }) => dilation <= length))
    .map(({ batch, channels, height, width, ceilMode, seed }) => {
      const options: ops.Pool2dOptions = {
        stride: [height.stride, width.stride],
        padding: [height.padding, width.padding],
        dilation: [height.dilation, width.dilation],
        ceilMode,
      };
      const shapes = [[batch, channels, height.length, width.length]];
      return { compute: (x) => ops.maxPool2d(x, [height.kernel, width.kernel], options), shapes, seed };
    });
}
