// Every operation against PyTorch's outputs and gradients. The table is the one place that maps PyTorch's names to ours.
import {
  abs,
  add,
  batchNorm,
  clamp,
  conv2d,
  div,
  elu,
  exp,
  flatten,
  type GeluApproximation,
  gelu,
  groupNorm,
  hardSwish,
  layerNorm,
  leakyRelu,
  linear,
  log,
  logSoftmax,
  matmul,
  maxPool2d,
  mean,
  mul,
  neg,
  permute,
  pow,
  prelu,
  relu,
  relu6,
  reshape,
  type SizePair,
  sigmoid,
  silu,
  softmax,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
} from '@trainyard/engine';
import { type Args, type Operation, testConformance } from './compare.ts';

type Pair = readonly [number, number];

const unary =
  (operation: (x: Tensor) => Tensor): Operation =>
  ({ input }) =>
    operation(input);

const binary =
  (operation: (a: Tensor, b: Tensor) => Tensor): Operation =>
  ({ a, b }) =>
    operation(a, b);

const reduction =
  (operation: typeof sum): Operation =>
  ({ input }, { dim, keepdim }) =>
    operation(input, (dim as number[] | null) ?? undefined, keepdim as boolean);

function poolOptions({ stride, padding, ceil_mode }: Args): { stride: SizePair; padding: SizePair; ceilMode: boolean } {
  return { stride: stride as Pair, padding: padding as Pair, ceilMode: ceil_mode as boolean };
}

testConformance('ops.json', {
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  neg: unary(neg),
  exp: unary(exp),
  log: unary(log),
  sqrt: unary(sqrt),
  square: unary(square),
  abs: unary(abs),
  relu: unary(relu),
  sigmoid: unary(sigmoid),
  tanh: unary(tanh),
  silu: unary(silu),
  softplus: unary((x) => softplus(x)),
  relu6: unary(relu6),
  hardswish: unary(hardSwish),
  gelu: ({ input }, { approximate }) => gelu(input, approximate as GeluApproximation),
  leaky_relu: ({ input }, { negative_slope: slope }) => leakyRelu(input, slope as number),
  elu: ({ input }, { alpha }) => elu(input, alpha as number),
  clamp: ({ input }, { min, max }) => clamp(input, min as number, max as number),
  prelu: ({ input, weight }) => prelu(input, weight),
  softmax: ({ input }, { dim }) => softmax(input, dim as number),
  layer_norm: ({ input, weight, bias }, { normalized_shape: shape, eps }) =>
    layerNorm(input, shape as number[], weight, bias, eps as number),
  group_norm: ({ input, weight, bias }, { num_groups: groups, eps }) => groupNorm(input, groups as number, weight, bias, eps as number),
  batch_norm: ({ input, weight, bias, running_mean: mean, running_var: variance }, { training, momentum, eps }) =>
    batchNorm(input, { mean, variance }, weight, bias, {
      training: training as boolean,
      momentum: momentum as number,
      eps: eps as number,
    }),
  pow: ({ input }, { exponent }) => pow(input, exponent as number),
  sum: reduction(sum),
  mean: reduction(mean),
  matmul: binary(matmul),
  linear: ({ input, weight, bias }) => linear(input, weight, bias ?? null),
  conv2d: ({ input, weight, bias }, { stride, padding, dilation, groups }) =>
    conv2d(input, weight, bias ?? null, {
      stride: stride as Pair,
      padding: padding as Pair,
      dilation: dilation as Pair,
      groups: groups as number,
    }),
  max_pool2d: ({ input }, args) => maxPool2d(input, args['kernel_size'] as Pair, poolOptions(args)),
  log_softmax: ({ input }, { dim }) => logSoftmax(input, dim as number),
  reshape: ({ input }, { shape }) => reshape(input, shape as number[]),
  flatten: ({ input }, { start_dim }) => flatten(input, start_dim as number),
  permute: ({ input }, { dims }) => permute(input, dims as number[]),
  transpose: ({ input }, { dim0, dim1 }) => transpose(input, dim0 as number, dim1 as number),
});
