// Applies a trained network to samples of a client, with the transforms of its job's data and the kernels of the job's evaluation, so the
// numbers are the same. A predictor has its own WebAssembly memory, which is freed when the predictor is garbage-collected.
import { inArena } from '../arena.ts';
import { noGrad } from '../autograd.ts';
import type { Backend } from '../backend/backend.ts';
import { withBackend } from '../backend/current.ts';
import { WasmBackend } from '../backend/wasm/wasmBackend.ts';
import type { Target } from '../data/dataset.ts';
import { describeData, findDataset } from '../data/datasets/index.ts';
import { SampleReader } from '../data/transforms/reader.ts';
import type { ChannelStatistics } from '../data/transforms/statistics.ts';
import { decodeSafetensors, type NamedArray } from '../formats/safetensors.ts';
import { findLoss } from '../losses/index.ts';
import type { Stage } from '../nn/layers/fusion.ts';
import { buildModel } from '../nn/layers/index.ts';
import type { Sequential } from '../nn/layers/sequential.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { fromFlat, type Tensor } from '../tensor.ts';
import { classOf } from './classOf.ts';
import type { JobSpec } from './jobSpec.ts';
import { SkipInitGenerator } from './skipInit.ts';
import { statisticsIn } from './statisticsMetadata.ts';
import { loadWeights } from './weights.ts';

/** The numbers of a batch, row-major. */
export interface BatchValues {
  /** The shape of the batch: [samples, …]. */
  readonly shape: Shape;
  readonly values: Float32Array;
}

export interface Prediction {
  readonly outputs: BatchValues;
  /** The probabilities of the outputs. Null if the job's loss does not define them. */
  readonly probabilities: BatchValues | null;
  /** The class of each sample's largest output; null for a sample with an output that is not finite. Null if the data has no classes. */
  readonly classes: readonly (number | null)[] | null;
  /** The output of each layer. Null unless it was requested. */
  readonly activations: readonly (BatchValues & { readonly name: string; readonly type: string })[] | null;
}

/** The values of a batch. May be a view of the backend's memory. */
type Batch = Pick<Tensor, 'shape' | 'values'>;

export class Predictor {
  readonly #spec: JobSpec;
  readonly #backend: Backend;
  readonly #model: Sequential;
  readonly #statistics: readonly ChannelStatistics[];
  /** The shape of one sample, before the transforms. */
  readonly inputShape: Shape;
  /** The names of the data's classes. Null if the targets are values. */
  readonly classes: readonly string[] | null;

  /**
   * @param weights the weights of the network: a list of tensors, a safetensors file or a checkpoint
   * @param maximumBytes the most bytes of the predictor's memory. Default: 4 GiB. {@link predictionCost} estimates how much a prediction
   * needs.
   * @param metadata the metadata of the file of a list of tensors. Default: none
   * @throws StatisticsError if the transforms of the data need statistics, and the metadata has none
   * @throws SafetensorsError if the file is invalid
   * @throws WeightsError if the weights do not fit the network
   * @throws EngineError `outOfMemory` if the network needs more than `maximumBytes`
   */
  constructor(
    spec: JobSpec,
    weights: readonly NamedArray[] | Uint8Array,
    {
      maximumBytes,
      metadata = {},
    }: { readonly maximumBytes?: number | undefined; readonly metadata?: Readonly<Record<string, string>> } = {},
  ) {
    const file = weights instanceof Uint8Array ? decodeSafetensors(weights) : { tensors: weights, metadata };
    this.#statistics = statisticsIn(file.metadata, spec.data.transforms);
    this.#spec = spec;
    this.#backend = new WasmBackend(maximumBytes === undefined ? {} : { maximumBytes });
    const { inputShape, target } = findDataset(spec.data.dataset).describe(spec.data);
    this.inputShape = inputShape;
    this.classes = target.kind === 'class' ? target.classes : null;
    this.#model = withBackend(this.#backend, () => {
      const model = buildModel(spec.model.layers, describeData(spec.data).inputShape, new SkipInitGenerator(spec.seed));
      loadWeights(model, file.tensors.filter(isWeight));
      model.eval();
      return model;
    });
  }

  /** The most memory that the predictor has used so far, in bytes. */
  get bytes(): number {
    return this.#backend.memoryUse().peakBytes;
  }

  /**
   * @param inputs the samples, row-major: pixels as bytes, or values. Pixels given as values must already be divided by 255
   * @throws ArgumentError if the inputs do not consist of whole samples
   * @throws EngineError `outOfMemory` if the prediction needs more than the predictor's `maximumBytes`
   */
  predict(inputs: Uint8Array | Float32Array, { activations = false }: { readonly activations?: boolean } = {}): Prediction {
    const length = inputs.length / sizeOf(this.inputShape);
    const target: Target = { kind: 'values', shape: [1] };
    const dataset = { length, inputShape: this.inputShape, inputs, target, targets: new Float32Array(length) };
    const reader = new SampleReader(dataset, { transforms: this.#spec.data.transforms, statistics: this.#statistics });
    const read = new Float32Array(length * sizeOf(reader.shape));
    reader.read(
      Uint32Array.from({ length }, (_, i) => i),
      0,
      read,
      new Float32Array(length),
    );
    const input = { shape: [length, ...reader.shape], values: read };
    return withBackend(this.#backend, () => noGrad(() => this.#run(input, activations)));
  }

  #run(input: BatchValues, activations: boolean): Prediction {
    const output = this.#model.stages.reduce(through, input as Batch);
    const { probabilities } = findLoss(this.#spec.loss.type);
    const classes = this.classes?.length;
    return inArena(() => {
      const tensor = fromFlat(output.values, output.shape);
      const { values } = tensor;
      return {
        outputs: copyOf(tensor),
        probabilities: probabilities === undefined ? null : copyOf(probabilities(tensor)),
        classes: classes === undefined ? null : Array.from({ length: input.shape[0] }, (_, row) => classOf(values, row * classes, classes)),
        activations: activations ? this.#activations(input) : null,
      };
    });
  }

  #activations(input: BatchValues): NonNullable<Prediction['activations']> {
    let value = input;
    return this.#model.namedChildren().map(([name, layer], index) => {
      value = inArena(() => copyOf(layer.forward(fromFlat(value.values, value.shape))));
      return { name, type: this.#spec.model.layers[index].type, ...value };
    });
  }
}

/** A checkpoint also contains tensors that are not weights. Their names begin with a dot. */
const isWeight = ({ name }: NamedArray): boolean => !name.startsWith('.');

/**
 * Runs a stage in an arena of its own, so that a deep network needs no more memory than its largest stage.
 * @returns a view of the arena's memory. The next new tensor may overwrite this memory, so make a tensor from the view before any other
 * tensor
 */
function through(input: Batch, stage: Stage): Batch {
  return inArena(() => {
    const { shape, values } = stage.forward(fromFlat(input.values, input.shape));
    return { shape, values };
  });
}

function copyOf({ shape, values }: Tensor): BatchValues {
  return { shape: [...shape], values: new Float32Array(values) };
}
