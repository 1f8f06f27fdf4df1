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
  /** Which number the loss was instead. */
  readonly nonFinite?: { readonly loss: NonFinite };
}

export type TrainingEvent =
  | { readonly type: 'phase'; readonly phase: TrainingPhase }
  | ({ readonly type: 'progress' } & LoadProgress)
  | StepEvent
  | ({ readonly type: 'epoch'; readonly epochs: number } & EpochMetrics)
  /** What the gradients of an epoch's first step are like, of every epoch that is looked into. */
  | ({ readonly type: 'gradients' } & GradientSnapshot)
  /** The same for an epoch's evaluation, where there is a test part. */
  | ({ readonly type: 'evaluation' } & Evaluation)
  /** The whole of the run at this position, asked for by `checkpointDue`: what `resumeFrom` takes. */
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
  /** Weights to begin with, as a safetensors file, instead of those drawn from the seed; the draws are made all the same. */
  readonly initialWeights?: Uint8Array;
  /**
   * A checkpoint that the run goes on from, bit for bit as if it had never stopped; with a spec that was changed, as far as what
   * the checkpoint holds still fits. `initialWeights` then do not count.
   */
  readonly resumeFrom?: Uint8Array;
  /**
   * Asked after every step, and in an evaluation after every batch, whether a checkpoint is due. With it the run also ends with
   * one. Leaving the run at that event is how it is paused.
   */
  readonly checkpointDue?: (position: Position) => boolean;
  /** Whether to tell `gradients` and `evaluation`; default true. All of a usual run's epochs, and ever fewer beyond a thousand. */
  readonly inspect?: boolean;
  /** Opens the loader of one split; default: batches are gathered when they are asked for. */
  readonly openLoader?: (dataset: Dataset, options: BatchOptions) => BatchLoader;
  /** Milliseconds between two step events at least; default 100, because people watch them. 0 tells every step. */
  readonly stepEventMs?: number;
}

/** Returns the event of a step with this loss. */
export function stepEvent(epoch: number, step: number, stepsPerEpoch: number, loss: number): StepEvent {
  const told = Number.isFinite(loss) ? { loss } : { loss: null, nonFinite: { loss: nonFiniteOf(loss) } };
  return { type: 'step', epoch, step, stepsPerEpoch, ...told };
}
