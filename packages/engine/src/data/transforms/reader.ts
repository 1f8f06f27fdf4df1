// Reads samples of a split and transforms them. All loaders use it, so all of them give the same numbers. In training, random transforms
// draw numbers (draws.ts). In evaluation, they draw nothing and change every sample in the same way.
import { parsed } from '../../registry.ts';
import { ShapeError } from '../../errors.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import { type Dataset, gather, type InputArray, inputAt, type SampleOrder, type TargetArray, targetAt } from '../dataset.ts';
import type { SampleFunction } from './define.ts';
import { Draws } from './draws.ts';
import { findTransform, transformSchema, type TransformSpec, transformedShape } from './index.ts';

export interface Preparation {
  /** The transforms in the order in which they are applied. Default: none. */
  readonly transforms?: readonly TransformSpec[];
  /** The seed of random transforms. Omit it for evaluation. */
  readonly augmentationSeed?: number;
}

interface Stage {
  readonly apply: SampleFunction;
  readonly random: boolean;
  /** The array with the input of this transform. */
  readonly input: Float32Array;
}

export class SampleReader {
  /** The shape of one sample in a batch. */
  readonly shape: Shape;
  /** Whether batches contain the dataset's pixels as bytes, because there are no transforms. */
  readonly givesPixels: boolean;
  readonly #dataset: Dataset;
  readonly #stages: readonly Stage[];
  readonly #draws: Draws | null;

  /**
   * @throws ShapeError if a transform does not fit its input
   * @throws ArgumentError if the options of a transform are invalid
   */
  constructor(dataset: Dataset, { transforms = [], augmentationSeed }: Preparation) {
    const stages: Stage[] = [];
    let shape = dataset.inputShape;
    for (const given of transforms) {
      const spec = parsed('transforms', transformSchema, given);
      const transformed = transformedShape([spec], shape);
      if (!transformed.ok) throw new ShapeError(`transform ${spec.type}: ${transformed.error.message}`, transformed.error.field);
      const definition = findTransform(spec.type);
      stages.push({ apply: definition.build(spec, shape), random: definition.random, input: new Float32Array(sizeOf(shape)) });
      shape = transformed.shape;
    }
    this.shape = shape;
    this.givesPixels = stages.length === 0 && dataset.inputs instanceof Uint8Array;
    this.#dataset = dataset;
    this.#stages = stages;
    this.#draws = augmentationSeed === undefined ? null : new Draws(augmentationSeed);
  }

  /**
   * Reads the samples of a batch: sample `indices[i]` becomes row i. `inputsOut` may be bytes only if {@link givesPixels} is true.
   * @param epoch the number of the epoch, on which random transforms depend
   * @param earlier how often the sample of each row came before in the epoch. Null: none did
   * @throws ArgumentError if there is no sample with one of the indices. The rows before it may have been written
   */
  read(indices: SampleOrder, epoch: number, inputsOut: InputArray, targetsOut: TargetArray, earlier: Uint32Array | null = null): void {
    if (this.#stages.length === 0 || inputsOut instanceof Uint8Array) {
      gather(this.#dataset, indices, inputsOut, targetsOut);
      return;
    }
    const size = sizeOf(this.shape);
    for (let row = 0; row < indices.length; row++) {
      const sample = indices[row];
      inputAt(this.#dataset, sample, this.#stages[0].input, 0);
      targetAt(this.#dataset, sample, targetsOut, row);
      this.#transform(sample, epoch, earlier?.[row] ?? 0, inputsOut, row * size);
    }
  }

  #transform(sample: number, epoch: number, occurrence: number, out: Float32Array, outAt: number): void {
    const stages = this.#stages;
    const last = stages.length - 1;
    for (let i = 0; i <= last; i++) {
      const { apply, random, input } = stages[i];
      if (random) this.#draws?.start(epoch, sample, i, occurrence);
      apply(input, 0, i === last ? out : stages[i + 1].input, i === last ? outAt : 0, random ? this.#draws : null);
    }
  }
}
