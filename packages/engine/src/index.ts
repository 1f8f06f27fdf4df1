// The engine's public face: everything that a user may import, and the methods that operations add to Tensor.
import './ops/methods.ts';

export { inArena } from './arena.ts';
export { type BackwardOptions, isGradEnabled, type Node, noGrad } from './autograd.ts';
export type { Backend } from './backend/backend.ts';
export { backend, setBackend, withBackend } from './backend/current.ts';
export { ReferenceBackend } from './backend/reference.ts';
export { type ConvVariant, convVariants } from './backend/wasm/convVariant.ts';
export { type PooledChoice, pooledBackwards, pooledForwards } from './backend/wasm/pooledVariant.ts';
export { type KernelThread, type KernelThreads, MOST_THREADS, type TeamSetup } from './backend/wasm/team.ts';
export { leaveTeam, serveTeam } from './backend/wasm/teamMember.ts';
export { type KernelModule, strictKernels } from './backend/wasm/kernelModule.ts';
export { WasmBackend, type WasmBackendOptions, type WasmOptions } from './backend/wasm/wasmBackend.ts';
export { cifarDataset } from './data/cifarBinary.ts';
export type { Dataset, Splits, Target } from './data/dataset.ts';
export { type DataSpec, dataSchema, datasetDefinitions, describeData, findDataset, loadData } from './data/datasets/index.ts';
export {
  isUploaded,
  UPLOADED_FILE,
  type UploadedDatasets,
  uploadedDatasetId,
} from './data/datasets/uploaded.ts';
export { type UploadedContent, uploadedContent } from './data/uploadedContent.ts';
export type { DatasetDescription, LoadContext } from './data/define.ts';
export * from './data/errors.ts';
export type { DatasetFiles, FileDigests, LoadProgress, NamedBytes, ReadOptions, RemoteFile } from './data/files.ts';
export { idxDataset } from './data/idx.ts';
export {
  type DecodedImage,
  type ImageDecoder,
  type ImageFormat,
  imageFormatOf,
  type Pixels,
  readImageFormats,
} from './data/images/image.ts';
export { type FileGroup, type FileKind, fileKind, KIND_HEAD_BYTES, shownBytes, zipKind } from './data/fileKinds/index.ts';
export { encodePng } from './data/images/png.ts';
export { type ReaderLimits, type ReaderOptions, readerLimits } from './data/limits.ts';
export { type Batch, type BatchLoader, type BatchOptions, batchCount, InlineLoader } from './data/loader.ts';
export { type NpyArray, parseNpy } from './data/npy.ts';
export { npyDataset, type NpyOptions } from './data/npyDataset.ts';
export { encodeNpy, encodeNpz } from './data/npyWriter.ts';
export { contentOf, type NpzPlace, npzPieces, npzPlaces, readNpz } from './data/npz.ts';
export type { UploadFormatDefinition } from './data/uploadFormats/define.ts';
export {
  suggestedFormats,
  type UploadFormat,
  type UploadOptions,
  uploadFormat,
  uploadFormatDefinitions,
  uploadFormats,
  uploadOptions,
} from './data/uploadFormats/index.ts';
export { type UploadFilePart, uploadFileParts } from './data/uploadFormats/parts.ts';
export { mostFaults, type Taken, UploadError, type UploadFault, UploadReport } from './data/uploadReport.ts';
export { type Cell, prepareCsv, type PreparedRows, prepareRows, type UnknownCategory } from './data/table/predictRows.ts';
export type { TablePreparation } from './data/table/preparation.ts';
export { readTables, type ReadTables, type TableOptions } from './data/table/readTables.ts';
export { smallestLimit, splitRows } from './data/split.ts';
export { type TransformSpec, transformDefinitions, transformSchema } from './data/transforms/index.ts';
export { type Preparation, SampleReader } from './data/transforms/reader.ts';
export * from './errors.ts';
export { engineScript } from './formats/engineScript.ts';
export { encodeOnnx, onnxParts, type WeightEntry } from './formats/onnx.ts';
export type { Reference, Rope } from './formats/protobuf.ts';
export { elementTypes, elementTypesListed } from './formats/elementTypes.ts';
export { pytorchScript } from './formats/pytorchScript.ts';
export {
  checkedHeaderBytes,
  decodeSafetensors,
  encodeSafetensors,
  type ListedTensor,
  listSafetensors,
  type NamedArray,
  SAFETENSORS_LENGTH_BYTES,
  SafetensorsError,
  renamedSafetensorsStart,
  type SafetensorsFile,
  type StoredTensor,
  safetensorsHeaderBytes,
  safetensorsIndex,
} from './formats/safetensors.ts';
export { WeightsFileError } from './formats/torchState.ts';
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
  type LossSpec,
  l1Loss,
  lossDefinitions,
  lossSchema,
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
export {
  buildModel,
  type InferredShapes,
  inferShapes,
  type LayerInput,
  type LayerSpec,
  type LayerSummary,
  layerDefinitions,
  layerSchema,
} from './nn/layers/index.ts';
export * from './nn/layers/modules.ts';
export { convolutionNames } from './nn/layers/convolutions.ts';
export { Module, Parameter } from './nn/module.ts';
export {
  clamp,
  elu,
  erf,
  type GeluApproximation,
  gelu,
  hardSwish,
  leakyRelu,
  prelu,
  relu6,
  sigmoid,
  silu,
  softplus,
  tanh,
} from './ops/activations.ts';
export { type AdaptiveSize, type AvgPool2dOptions, adaptiveAvgPool2d, avgPool2d } from './ops/averagePool2d.ts';
export { type Conv2dOptions, type ConvPadding, conv2d } from './ops/conv2d.ts';
export { type ConvTranspose2dOptions, convTranspose2d } from './ops/convTranspose2d.ts';
export { dropout } from './ops/dropout.ts';
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
export { groupNorm, layerNorm } from './ops/rowNorm.ts';
export { cat, embedding, narrow, type PaddingMode, pad } from './ops/parts.ts';
export { maxPool2d, type Pool2dOptions } from './ops/pool2d.ts';
export { type Dims, max, mean, sum, type VarianceOptions, variance } from './ops/reduce.ts';
export { logSoftmax, softmax } from './ops/softmax.ts';
export { type UpsampleMode, type UpsampleOptions, upsample } from './ops/upsample.ts';
export type { SizePair } from './ops/window.ts';
export * as optim from './optim/index.ts';
export { formatTensor } from './print.ts';
export { defaultGenerator, epochOrder, Generator, type GeneratorState, manualSeed, sampleOrder } from './random.ts';
export { learningRateAt, type PlateauState, type SchedulerSpec, schedulerDefinitions, schedulerSchema } from './schedulers/index.ts';
export { type Rates, Schedule } from './schedulers/schedule.ts';
export { formatShape, type Shape } from './shape.ts';
export { type DType, fromFlat, full, indices, type NestedArray, ones, Tensor, type TensorOptions, tensor, zeros } from './tensor.ts';
export { type Catalog, catalog, catalogSchema } from './training/catalog.ts';
export { type Checkpoint, CheckpointError, decodeCheckpoint, type Position } from './training/checkpoint.ts';
export { type Evaluation, type EvaluationTally, evaluationSchema, tallyFor } from './training/evaluation.ts';
export { type GradientSnapshot, gradientSnapshotSchema } from './training/gradients.ts';
export { isInspected } from './training/inspectedEpochs.ts';
export type { StepEvent, TrainingEvent, TrainingPhase, TrainingResult, TrainOptions } from './training/events.ts';
export { type InitialWeights, initialWeightsFile, initialWeightsSchema } from './training/initialWeights.ts';
export { batchTensors } from './training/learner.ts';
export { clipGradientNorm, gradientNorm } from './training/gradientClipping.ts';
export {
  countCorrect,
  type Divergence,
  type EpochMetrics,
  epochMetricsSchema,
  type TrainingSummary,
  trainingSummarySchema,
} from './training/metrics.ts';
export { NonFiniteNumbers, nonFiniteName, nonFiniteSchema } from './training/nonFinite.ts';
export { type CheckedSpec, checkSpec, openSpec } from './training/checkSpec.ts';
export { checkedJobSchema, type JobSpec, type JobSpecInput, jobSpecSchema, newJobSchema } from './training/jobSpec.ts';
export { summarize } from './training/specChecks.ts';
export { defaultLimits, type SpecLimits } from './training/specLimits.ts';
export { weightShapes } from './training/resume.ts';
export { type Summary, summarySchema } from './training/summary.ts';
export { type PredictionCost, predictionCost } from './training/predictionCost.ts';
export { type BatchValues, checkImageSize, imageSample, type Prediction, Predictor } from './training/predictor.ts';
export { train } from './training/trainer.ts';
export {
  fitWeights,
  type GivenShape,
  metadataOfRenamed,
  type NamedShape,
  type WeightsFit,
  weightMismatches,
} from './training/fitWeights.ts';
export { encodeWeights, loadWeights, NonFiniteWeightsError, WeightsError } from './training/weights.ts';
export { nearest, type Parsed, type Problem, parse, pointer, show } from './validation.ts';
export { engineVersion, relaxedEngineVersion } from './version.ts';
