// Every operation against PyTorch's outputs and gradients. The table is the one place that maps PyTorch's names to ours.
import {
  abs,
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm,
  cat,
  clamp,
  conv2d,
  convTranspose2d,
  div,
  elu,
  embedding,
  exp,
  flatten,
  type GeluApproximation,
  gelu,
  groupNorm,
  hardSigmoid,
  hardSwish,
  instanceNorm,
  layerNorm,
  leakyRelu,
  linear,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  maxPool2d,
  mean,
  minimum,
  mish,
  mul,
  narrow,
  neg,
  type PaddingMode,
  pad,
  permute,
  pow,
  prelu,
  reciprocal,
  relu,
  relu6,
  reshape,
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
  type UpsampleMode,
  upsample,
  variance,
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

/** PyTorch's options of a window as the engine's; those that a case does not say are left out. */
const windowOptions = ({ stride, padding, dilation, output_padding, groups, ceil_mode, count_include_pad, divisor_override }: Args) =>
  Object.fromEntries(
    Object.entries({
      stride,
      padding,
      dilation,
      outputPadding: output_padding,
      groups,
      ceilMode: ceil_mode,
      countIncludePad: count_include_pad,
      divisorOverride: divisor_override,
    }).filter(([, value]) => value !== undefined && value !== null),
  );

const resize =
  (mode?: UpsampleMode): Operation =>
  ({ input }, args) =>
    upsample(input, {
      mode: mode ?? (args['mode'] as UpsampleMode),
      alignCorners: (args['align_corners'] as boolean | null | undefined) ?? false,
      ...(args['size'] != null && { size: args['size'] as Pair }),
      ...(args['scale_factor'] != null && { scaleFactor: args['scale_factor'] as number | Pair }),
    });

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
  hardsigmoid: unary(hardSigmoid),
  mish: unary(mish),
  gelu: ({ input }, { approximate }) => gelu(input, approximate as GeluApproximation),
  leaky_relu: ({ input }, { negative_slope: slope }) => leakyRelu(input, slope as number),
  elu: ({ input }, { alpha }) => elu(input, alpha as number),
  clamp: ({ input }, { min, max }) => clamp(input, min as number, max as number),
  prelu: ({ input, weight }) => prelu(input, weight),
  softmax: ({ input }, { dim }) => softmax(input, dim as number),
  layer_norm: ({ input, weight, bias }, { normalized_shape: shape, eps }) =>
    layerNorm(input, shape as number[], weight, bias, eps as number),
  group_norm: ({ input, weight, bias }, { num_groups: groups, eps }) => groupNorm(input, groups as number, weight, bias, eps as number),
  instance_norm: ({ input, weight, bias, running_mean: mean, running_var: variance }, { use_input_stats: training, momentum, eps }) =>
    instanceNorm(input, { mean, variance }, weight, bias, {
      training: training as boolean,
      momentum: momentum as number,
      eps: eps as number,
    }),
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
  conv2d: ({ input, weight, bias }, args) => conv2d(input, weight, bias ?? null, windowOptions(args)),
  conv_transpose2d: ({ input, weight, bias }, args) => convTranspose2d(input, weight, bias ?? null, windowOptions(args)),
  max_pool2d: ({ input }, args) => maxPool2d(input, args['kernel_size'] as Pair, windowOptions(args)),
  avg_pool2d: ({ input }, args) => avgPool2d(input, args['kernel_size'] as Pair, windowOptions(args)),
  adaptive_avg_pool2d: ({ input }, { output_size: size }) => adaptiveAvgPool2d(input, size as Pair),
  upsample_nearest2d: resize('nearest'),
  upsample_bilinear2d: resize('bilinear'),
  upsample_bicubic2d: resize('bicubic'),
  interpolate: resize(),
  maximum: binary(maximum),
  minimum: binary(minimum),
  reciprocal: unary(reciprocal),
  max: ({ input }, { dim, keepdim }) => max(input, dim as number, keepdim as boolean).values,
  var: ({ input }, { dim, keepdim, unbiased }) =>
    variance(input, (dim as number[] | null) ?? undefined, { keepdim: keepdim as boolean, unbiased: unbiased as boolean }),
  cat: ({ ...tensors }, { dim }) => cat(Object.values(tensors), dim as number),
  pad: ({ input }, { pad: sizes, value, mode }) =>
    pad(input, sizes as number[], mode as PaddingMode | undefined, value as number | undefined),
  narrow: ({ input }, { dim, start, length }) => narrow(input, dim as number, start as number, length as number),
  embedding: ({ indices, weight }) => embedding(indices, weight),
  log_softmax: ({ input }, { dim }) => logSoftmax(input, dim as number),
  reshape: ({ input }, { shape }) => reshape(input, shape as number[]),
  flatten: ({ input }, { start_dim }) => flatten(input, start_dim as number),
  permute: ({ input }, { dims }) => permute(input, dims as number[]),
  transpose: ({ input }, { dim0, dim1 }) => transpose(input, dim0 as number, dim1 as number),
});
