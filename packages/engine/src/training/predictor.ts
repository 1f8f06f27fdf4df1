// What a trained network says of samples that are not of its data: with the transforms of its job's data and the kernels of its
// evaluation, and hence with the same numbers. It has a memory of its own, which goes when it goes.
import { inArena } from '../arena.ts';
import { noGrad } from '../autograd.ts';
import type { Backend } from '../backend/backend.ts';
import { withBackend } from '../backend/current.ts';
import { WasmBackend } from '../backend/wasm/wasmBackend.ts';
import type { Target } from '../data/dataset.ts';
import { describeData, findDataset } from '../data/datasets/index.ts';
import { DataFormatError } from '../data/errors.ts';
import { type Pixels, writePlanes } from '../data/images/image.ts';
import { SampleReader } from '../data/transforms/reader.ts';
import { decodeSafetensors } from '../formats/safetensors.ts';
import { findLoss } from '../losses/index.ts';
import { buildModel, type Sequential } from '../nn/layers/index.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import { fromFlat, type Tensor } from '../tensor.ts';
import { classOf } from './classOf.ts';
import type { JobSpec } from './spec.ts';
import { Undrawn } from './undrawn.ts';
import { loadWeights } from './weights.ts';

/** Numbers of a batch, row-major. */
export interface BatchValues {
  /** [samples, …] */
  readonly shape: Shape;
  readonly values: Float32Array;
}

export interface Prediction {
  readonly outputs: BatchValues;
  /** null where the job's loss takes the outputs as no probabilities. */
  readonly probabilities: BatchValues | null;
  /** The class of each sample's largest output, null where an output is not finite; null altogether where the data has no classes. */
  readonly classes: readonly (number | null)[] | null;
  /** What each layer made of the samples, if that was asked for. */
  readonly activations: readonly (BatchValues & { readonly name: string; readonly type: string })[] | null;
}

export class Predictor {
  readonly #spec: JobSpec;
  readonly #backend: Backend;
  readonly #model: Sequential;
  /** Of one sample, before transforms. */
  readonly inputShape: Shape;
  /** Names of the data's classes; null where its targets are values. */
  readonly classes: readonly string[] | null;

  /**
   * @param weights a safetensors file of the model's weights, or a checkpoint.
   * @throws SafetensorsError for bytes that are no such file, WeightsError for another model's.
   */
  constructor(spec: JobSpec, weights: Uint8Array) {
    this.#spec = spec;
    this.#backend = new WasmBackend();
    const { inputShape, target } = findDataset(spec.data.dataset).describe(spec.data);
    this.inputShape = inputShape;
    this.classes = target.kind === 'class' ? target.classes : null;
    this.#model = withBackend(this.#backend, () => {
      const model = buildModel(spec.model.layers, describeData(spec.data).inputShape, new Undrawn(spec.seed));
      // What else a checkpoint holds begins with a dot.
      loadWeights(
        model,
        decodeSafetensors(weights).tensors.filter(({ name }) => !name.startsWith('.')),
      );
      model.eval();
      return model;
    });
  }

  /** Memory that it has taken so far. */
  get bytes(): number {
    return this.#backend.memoryUse().peakBytes;
  }

  /**
   * @param inputs samples row-major, pixels as bytes or all values as they are after pixels / 255
   * @throws ArgumentError when they are not whole samples.
   */
  predict(inputs: Uint8Array | Float32Array, { activations = false }: { readonly activations?: boolean } = {}): Prediction {
    const length = inputs.length / sizeOf(this.inputShape);
    const target: Target = { kind: 'values', shape: [1] };
    const dataset = { length, inputShape: this.inputShape, inputs, target, targets: new Float32Array(length) };
    const reader = new SampleReader(dataset, { transforms: this.#spec.data.transforms });
    const read = new Float32Array(length * sizeOf(reader.shape));
    reader.read(
      Uint32Array.from({ length }, (_, i) => i),
      0,
      read,
      new Float32Array(length),
    );
    return withBackend(this.#backend, () => inArena(() => noGrad(() => this.#run(fromFlat(read, [length, ...reader.shape]), activations))));
  }

  #run(input: Tensor, activations: boolean): Prediction {
    const output = this.#model.forward(input);
    const { probabilities } = findLoss(this.#spec.loss.type);
    const [rows] = output.shape;
    const classes = this.classes?.length;
    return {
      outputs: copyOf(output),
      probabilities: probabilities === undefined ? null : copyOf(probabilities(output)),
      classes: classes === undefined ? null : Array.from({ length: rows }, (_, row) => classOf(output.values, row * classes, classes)),
      activations: activations ? this.#activations(input) : null,
    };
  }

  #activations(input: Tensor): NonNullable<Prediction['activations']> {
    let value = input;
    return this.#model.namedChildren().map(([name, layer], index) => {
      value = layer.forward(value);
      return { name, type: this.#spec.model.layers[index].type, ...copyOf(value) };
    });
  }
}

function copyOf({ shape, values }: Tensor): BatchValues {
  return { shape: [...shape], values: Float32Array.from(values) };
}

/**
 * An image as one sample [channels, height, width], with its colours made grey (ITU-R 601-2, as Pillow does) or its grey all colours.
 * @throws DataFormatError for another size, which it names beside the one that is needed, and for samples that are no images.
 */
export function imageSample(image: Pixels, inputShape: Shape): Uint8Array {
  const [channels, height, width] = inputShape;
  if (inputShape.length !== 3 || (channels !== 1 && channels !== 3)) {
    throw new DataFormatError(`the network takes samples of shape ${formatShape(inputShape)}, which are no images: send them as JSON`);
  }
  if (image.width !== width || image.height !== height) {
    throw new DataFormatError(
      `the image is ${image.width}×${image.height}, and the network takes ${width}×${height}: scale it to that size`,
    );
  }
  const planes = new Uint8Array(sizeOf(inputShape));
  writePlanes({ width, height, channels, data: withChannels(image, channels) }, planes, 0);
  return planes;
}

function withChannels({ channels, data }: Pixels, wanted: 1 | 3): Uint8Array {
  if (channels === wanted) return data;
  if (wanted === 3) return Uint8Array.from({ length: data.length * 3 }, (_, i) => data[Math.floor(i / 3)]);
  return Uint8Array.from({ length: data.length / 3 }, (_, i) => {
    // 0.299 R + 0.587 G + 0.114 B in 16 bits behind the point, rounded.
    return (19_595 * data[3 * i] + 38_470 * data[3 * i + 1] + 7_471 * data[3 * i + 2] + 0x8000) >> 16;
  });
}
