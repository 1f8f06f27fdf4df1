// The options of `train`, its events and its result. Events are plain JSON, except for bytes, so that a process can send them to another
// one without converting them.
import type { Dataset } from '../data/dataset.ts';
import type { DatasetFiles, LoadProgress } from '../data/files.ts';
import type { BatchLoader, BatchOptions } from '../data/loader.ts';
import type { Position } from './checkpoint.ts';
import type { Evaluation } from './evaluation.ts';
import type { GradientSnapshot } from './gradients.ts';
import type { EpochMetrics, TrainingSummary } from './metrics.ts';
import { type NonFinite, nonFiniteOf } from './nonFinite.ts';

export type TrainingPhase = 'loadingData' | 'training' | 'evaluating' | 'saving';

export interface StepEvent {
  readonly type: 'step';
  readonly epoch: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** null if it was not finite. */
  readonly loss: number | null;
  /** The value of a loss that was not finite. */
  readonly nonFinite?: { readonly loss: NonFinite };
}

export type TrainingEvent =
  | { readonly type: 'phase'; readonly phase: TrainingPhase }
  | ({ readonly type: 'progress' } & LoadProgress)
  | StepEvent
  | ({ readonly type: 'epoch'; readonly epochs: number } & EpochMetrics)
  /** The gradients of the first step of an inspected epoch. */
  | ({ readonly type: 'gradients' } & GradientSnapshot)
  /** The evaluation of an inspected epoch, if there is a test part. */
  | ({ readonly type: 'evaluation' } & Evaluation)
  /** A checkpoint after this epoch and step, because `checkpointDue` returned true. It can be passed to `resumeFrom`. */
  | ({ readonly type: 'checkpoint'; readonly bytes: Uint8Array<ArrayBuffer> } & Position)
  /** A message for the log of the run. */
  | { readonly type: 'log'; readonly level: 'info' | 'warn'; readonly message: string };

export interface TrainingResult {
  /** The final weights as a safetensors file. */
  readonly weights: Uint8Array<ArrayBuffer>;
  readonly result: TrainingSummary;
}

export interface TrainOptions {
  /** The source of the files of datasets. */
  readonly files: DatasetFiles;
  readonly signal?: AbortSignal;
  /** A safetensors file with the initial weights. They replace the weights drawn from the seed, but the same numbers are still drawn. */
  readonly initialWeights?: Uint8Array;
  /**
   * A checkpoint from which the run resumes. The result is the same, bit for bit, as without the interruption. If the spec was changed, the
   * parts of the checkpoint that still fit are used. `initialWeights` are ignored if there is a checkpoint.
   */
  readonly resumeFrom?: Uint8Array;
  /**
   * Returns whether to make a checkpoint. It is called after every step, and after every batch of an evaluation. If it is given, the run
   * also ends with a checkpoint. To pause a run, stop reading its events at a checkpoint.
   */
  readonly checkpointDue?: (position: Position) => boolean;
  /**
   * Whether to report `gradients` and `evaluation`. Default: true. They are reported for the first 1,000 epochs, and less often after that.
   */
  readonly inspect?: boolean;
  /** Opens the loader of one split. Default: a loader that reads each batch on request. */
  readonly openLoader?: (dataset: Dataset, options: BatchOptions) => BatchLoader;
  /** The least time between two step events in milliseconds. Default: 100, because people watch the events. 0 reports every step. */
  readonly stepEventMs?: number;
}

/** Returns the event of a step with this loss. */
export function stepEvent(epoch: number, step: number, stepsPerEpoch: number, loss: number): StepEvent {
  const shown = Number.isFinite(loss) ? { loss } : { loss: null, nonFinite: { loss: nonFiniteOf(loss) } };
  return { type: 'step', epoch, step, stepsPerEpoch, ...shown };
}
