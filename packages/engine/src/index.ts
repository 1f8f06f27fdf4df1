// The entry '@trainyard/engine': tensors, operations, layers, losses, optimizers, backends and `train`. Importing it adds the operations
// to Tensor as methods. The entries data, formats, spec, node and relaxed export the rest.
import './ops/methods.ts';

export { inArena } from './arena.ts';
export { type BackwardOptions, isGradEnabled, type Node, noGrad } from './autograd.ts';
export type { Backend } from './backend/backend.ts';
export { backend, setBackend, withBackend } from './backend/current.ts';
export { ReferenceBackend } from './backend/reference.ts';
export type { ConvVariant } from './backend/wasm/convVariant.ts';
export type { PooledChoice } from './backend/wasm/pooledVariant.ts';
export type { KernelThread, KernelThreads, TeamSetup } from './backend/wasm/team.ts';
export { leaveTeam, serveTeam } from './backend/wasm/teamMember.ts';
export { type KernelModule, strictKernels } from './backend/wasm/kernelModule.ts';
export { WasmBackend, type WasmBackendOptions, type WasmOptions } from './backend/wasm/wasmBackend.ts';
export {
  ArenaError,
  ArgumentError,
  AutogradError,
  EngineError,
  ShapeError,
  ThreadLostError,
  TrainingError,
} from './errors.ts';
export {
  BCELoss,
  type BceLossOptions,
  BCEWithLogitsLoss,
  type BceWithLogitsLossOptions,
  bceLoss,
  bceWithLogitsLoss,
  CrossEntropyLoss,
  type CrossEntropyLossOptions,
  crossEntropy,
  HuberLoss,
  type HuberLossOptions,
  huberLoss,
  KLDivLoss,
  type KlDivLossOptions,
  klDivLoss,
  L1Loss,
  l1Loss,
  MSELoss,
  type MseLossOptions,
  mseLoss,
  NLLLoss,
  type NllLossOptions,
  nllLoss,
  type PointwiseOptions,
  type Reduction,
  SmoothL1Loss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from './losses/index.ts';
export { Branches, type BranchesOptions } from './nn/layers/branches.ts';
export { balancedWeights } from './losses/classWeights.ts';
export * from './nn/layers/plain.ts';
export { Residual } from './nn/layers/residual.ts';
export { Sequential } from './nn/layers/sequential.ts';
export { Module, Parameter } from './nn/module.ts';
export * from './ops/activations.ts';
export { type AdaptiveSize, type AvgPool2dOptions, adaptiveAvgPool2d, avgPool2d } from './ops/averagePool2d.ts';
export { type Conv2dOptions, type ConvPadding, conv2d } from './ops/conv2d.ts';
export { type ConvTranspose2dOptions, convTranspose2d } from './ops/convTranspose2d.ts';
export { dropout, dropout2d } from './ops/dropout.ts';
export {
  abs,
  add,
  div,
  exp,
  log,
  maximum,
  minimum,
  mul,
  neg,
  type Operand,
  pow,
  reciprocal,
  relu,
  sqrt,
  square,
  sub,
} from './ops/elementwise.ts';
export { arange, type RandomOptions, rand, randn } from './ops/factories.ts';
export { linear, matmul, mm } from './ops/matmul.ts';
export { clone, expand, flatten, permute, reshape, t, transpose } from './ops/movement.ts';
export { type BatchNormOptions, batchNorm, type RunningStatistics } from './ops/batchNorm.ts';
export { groupNorm, type InstanceNormOptions, instanceNorm, layerNorm } from './ops/rowNorm.ts';
export { cat, embedding, narrow, type PaddingMode, pad } from './ops/parts.ts';
export { maxPool2d, type Pool2dOptions } from './ops/pool2d.ts';
export { type Dims, max, mean, sum, type VarianceOptions, variance } from './ops/reduce.ts';
export { logSoftmax, softmax } from './ops/softmax.ts';
export { type UpsampleMode, type UpsampleOptions, upsample } from './ops/upsample.ts';
export type { SizePair } from './ops/window.ts';
export * as optim from './optim/index.ts';
export { formatTensor } from './print.ts';
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './random.ts';
export { type Rates, Schedule } from './schedulers/schedule.ts';
export { formatShape, type Shape } from './shape.ts';
export { type DType, fromFlat, full, indices, type NestedArray, ones, Tensor, type TensorOptions, tensor, zeros } from './tensor.ts';
export type { StepEvent, TrainingEvent, TrainingPhase, TrainingResult, TrainOptions } from './training/events.ts';
export { batchTensors } from './training/learner.ts';
export { freezeWeights } from './training/freezing.ts';
export { parameterGroups } from './training/parameterGroups.ts';
export { clipGradientNorm, gradientNorm } from './training/gradientClipping.ts';
export { countCorrect } from './training/metrics.ts';
export { type MetricSums, metricSums } from './training/metricSums.ts';
export { train } from './training/trainer.ts';
export { encodeWeights, loadWeights, NonFiniteWeightsError, WeightsError } from './training/weights.ts';
