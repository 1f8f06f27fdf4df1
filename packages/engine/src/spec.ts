// The entry '@trainyard/engine/spec' exports what programs need to check job specs and to build what a spec describes, and the schemas of a
// run's results.
export { MOST_THREADS } from './backend/wasm/team.ts';
export { canonicalJson } from './canonicalJson.ts';
export { mostProblems, type Problem, SpecError } from './errors.ts';
export { type LossSpec, lossDefinitions, lossSchema } from './losses/index.ts';
export { convolutionNames } from './nn/layers/convolutions.ts';
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
export { type PresetName, torchvisionNames } from './nn/presets/index.ts';
export type { WeightNames } from './nn/presets/torchvisionNames.ts';
export type { GroupSpec } from './optim/define.ts';
export { learningRateAt, type PlateauState, type SchedulerSpec, schedulerDefinitions, schedulerSchema } from './schedulers/index.ts';
export { type Catalog, catalog, catalogSchema } from './training/catalog.ts';
export { type CheckedSpec, checkSpec, openSpec } from './training/checkSpec.ts';
export { type Evaluation, type EvaluationTally, evaluationSchema, tallyFor } from './training/evaluation.ts';
export { type GradientSnapshot, gradientSnapshotSchema } from './training/gradients.ts';
export { type InitialWeights, initialWeightsFile, type Rename } from './training/initialWeights.ts';
export { isInspected } from './training/inspectedEpochs.ts';
export { checkedJobSchema, type JobSpec, type JobSpecInput, jobSpecSchema, newJobSchema } from './training/jobSpec.ts';
export {
  type Divergence,
  type EpochMetrics,
  epochMetricsSchema,
  type TrainingSummary,
  trainingSummarySchema,
} from './training/metrics.ts';
export { goalOf, type MetricName, metricName, metricNames } from './training/metricDefinitions.ts';
export { NonFiniteNumbers, nonFiniteName, nonFiniteSchema } from './training/nonFinite.ts';
export { type PredictionCost, predictionCost } from './training/predictionCost.ts';
export { imagePreparationOf, imageSample } from './training/imageSample.ts';
export { type BatchValues, type Prediction, Predictor } from './training/predictor.ts';
export { defaultLimits, type SpecLimits } from './training/specLimits.ts';
export { type Summary, summarySchema } from './training/summary.ts';
export { nearest, type Parsed, parse, pointer, show } from './validation.ts';
export { engineVersion, relaxedEngineVersion } from './version.ts';
