// Reads samples of a split and transforms them. All loaders use it, so all of them give the same numbers. In training, random transforms
// draw numbers (draws.ts). In evaluation, they draw nothing and change every sample in the same way.
import { parsed } from '../../registry.ts';
import { ArgumentError, ShapeError } from '../../errors.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import { type Dataset, gather, type InputArray, inputAt, type SampleOrder, type Target, type TargetArray, targetAt } from '../dataset.ts';
import type { BatchFunction, SampleFunction } from './define.ts';
import { Draws } from './draws.ts';
import { findTransform, transformSchema, type TransformSpec, transformedShape } from './index.ts';
import type { ChannelStatistics } from './statistics.ts';

export interface Preparation {
  /** The transforms in the order in which they are applied. Default: none. */
  readonly transforms?: readonly TransformSpec[];
  /** The seed of random transforms. Omit it for evaluation. */
  readonly augmentationSeed?: number;
  /** The statistics of the training data for each transform that needs them, in their order. Default: none. */
  readonly statistics?: readonly ChannelStatistics[];
}

/** Where a batch is in its epoch. */
export interface BatchPlace {
  /** The number of the step, from 1. */
  readonly step: number;
  /** How often the sample of each row came before in the epoch. Null: none did. */
  readonly earlier: Uint32Array | null;
}

const FIRST: BatchPlace = { step: 1, earlier: null };

interface Stage {
  readonly apply: SampleFunction;
  readonly random: boolean;
  /** The position of the transform in the list. */
  readonly place: number;
  /** The array with the input of this transform. */
  readonly input: Float32Array;
}

interface Mixture {
  readonly mix: BatchFunction;
  readonly place: number;
}

export class SampleReader {
  /** The shape of one sample in a batch. */
  readonly shape: Shape;
  /** The targets of a batch. They are the probability of each class if the samples of training batches are mixed. */
  readonly target: Target;
  /** Whether batches contain the dataset's pixels as bytes, because there are no transforms. */
  readonly givesPixels: boolean;
  readonly #dataset: Dataset;
  readonly #stages: Stage[] = [];
  readonly #mixtures: Mixture[] = [];
  readonly #draws: Draws | null;
  readonly #batchDraws: Draws | null;
  /** The class of one sample of a mixed batch. */
  readonly #label = new Int32Array(1);

  /**
   * @throws ShapeError if a transform does not fit its input
   * @throws ArgumentError if the options of a transform are invalid, if it needs statistics and there are none, or if it mixes samples
   *   without classes
   */
  constructor(dataset: Dataset, { transforms = [], augmentationSeed, statistics = [] }: Preparation) {
    const seed = augmentationSeed ?? null;
    this.#dataset = dataset;
    this.#draws = seed === null ? null : new Draws(seed);
    this.#batchDraws = seed === null ? null : new Draws(seed, 1);
    let shape = dataset.inputShape;
    let fitted = 0;
    for (const [place, given] of transforms.entries()) {
      const spec = parsed('transforms', transformSchema, given);
      const transformed = transformedShape([spec], shape);
      if (!transformed.ok) throw new ShapeError(`transform ${spec.type}: ${transformed.error.message}`, transformed.error.field);
      const definition = findTransform(spec.type);
      if (definition.scope === 'batch') {
        if (seed !== null) this.#mixtures.push({ mix: definition.build(spec, shape, classesOf(dataset, spec.type)), place });
      } else {
        const apply = definition.build(spec, shape, definition.needsStatistics === true ? statistics[fitted++] : undefined);
        this.#stages.push({ apply, random: definition.random, place, input: new Float32Array(sizeOf(shape)) });
      }
      shape = transformed.shape;
    }
    this.shape = shape;
    const isMixed = this.#mixtures.length > 0;
    this.target = isMixed ? { kind: 'values', shape: [classesOf(dataset, 'mixup')] } : dataset.target;
    this.givesPixels = this.#stages.length === 0 && !isMixed && dataset.inputs instanceof Uint8Array;
  }

  /**
   * Reads the samples of a batch: sample `indices[i]` becomes row i. `inputsOut` may be bytes only if {@link givesPixels} is true.
   * @param epoch the number of the epoch, on which random transforms depend
   * @param place where the batch is in the epoch. Default: the first batch of an epoch in which no sample comes twice
   * @throws ArgumentError if there is no sample with one of the indices. The rows before it may have been written
   */
  read(indices: SampleOrder, epoch: number, inputsOut: InputArray, targetsOut: TargetArray, { step, earlier } = FIRST): void {
    if ((this.#stages.length === 0 && this.#mixtures.length === 0) || inputsOut instanceof Uint8Array) {
      gather(this.#dataset, indices, inputsOut, targetsOut);
      return;
    }
    const size = sizeOf(this.shape);
    for (let row = 0; row < indices.length; row++) {
      const sample = indices[row];
      if (this.#stages.length === 0) inputAt(this.#dataset, sample, inputsOut, row * size);
      else inputAt(this.#dataset, sample, this.#stages[0].input, 0);
      this.#readTarget(sample, targetsOut, row);
      this.#transform(sample, epoch, earlier?.[row] ?? 0, inputsOut, row * size);
    }
    if (targetsOut instanceof Float32Array) this.#mix(epoch, step, inputsOut, targetsOut, indices.length);
  }

  #readTarget(sample: number, out: TargetArray, row: number): void {
    if (this.#mixtures.length === 0) {
      targetAt(this.#dataset, sample, out, row);
      return;
    }
    const classes = sizeOf(this.target.kind === 'values' ? this.target.shape : []);
    targetAt(this.#dataset, sample, this.#label, 0);
    out.fill(0, row * classes, (row + 1) * classes);
    out[row * classes + this.#label[0]] = 1;
  }

  #transform(sample: number, epoch: number, occurrence: number, out: Float32Array, outAt: number): void {
    const stages = this.#stages;
    const last = stages.length - 1;
    for (let i = 0; i <= last; i++) {
      const { apply, random, place, input } = stages[i];
      if (random) this.#draws?.start(epoch, sample, place, occurrence);
      apply(input, 0, i === last ? out : stages[i + 1].input, i === last ? outAt : 0, random ? this.#draws : null);
    }
  }

  #mix(epoch: number, step: number, inputs: Float32Array, targets: Float32Array, samples: number): void {
    if (this.#batchDraws === null || samples === 0) return;
    for (const { mix, place } of this.#mixtures) {
      this.#batchDraws.start(epoch, step, place);
      mix(inputs, targets, samples, this.#batchDraws);
    }
  }
}

/** Returns the number of classes. @throws ArgumentError if the targets are values */
function classesOf({ target }: Dataset, transform: string): number {
  if (target.kind === 'class') return target.classes.length;
  throw new ArgumentError(`${transform} needs targets that are classes, but the targets of the data are values: remove this transform`);
}
