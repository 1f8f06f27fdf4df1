// The messages between the worker and a training child over Node's IPC channel: JSON objects with a `type`. Both sides come from the same
// build, so they do not validate messages. `run` numbers the jobs of a child, so that a late message of an earlier job is recognised. These
// messages are not the events of the HTTP API.
import type { JobError } from '@trainyard/contracts';
import type { TrainingEvent } from '@trainyard/engine';
import type { Position } from '@trainyard/engine/formats';
import type { JobSpec, TrainingSummary } from '@trainyard/engine/spec';
import type { SnapshotKind } from '@trainyard/jobs/snapshots';
import type { NodeDatasetFilesOptions } from '@trainyard/engine/node';
import type { Reason } from './runError.ts';

/** The command-line argument for a training child that uses relaxed SIMD for all of its jobs. */
export const RELAXED = '--relaxed';

/** Trains a job. The files that the child writes do not exist yet, but their folder does. */
export interface TrainOrder {
  type: 'train';
  run: number;
  spec: JobSpec;
  /** The path for the final weights. */
  modelFile: string;
  /** The start of the paths of all checkpoints. The child appends a number for each. */
  checkpointFile: string;
  /** The start of the paths of all files with gradients or evaluations. The child appends a number for each. */
  snapshotFile: string;
  /** The shortest time between two checkpoints, in ms. */
  checkpointEveryMs: number;
  /** The checkpoint to resume from. */
  resumeFile: string | null;
  /** The initial weights. Null if the job resumes from a checkpoint or has no initial weights. */
  initialFile: string | null;
  data: NodeDatasetFilesOptions;
}

export type ToChild =
  | TrainOrder
  /** The last batch of events is stored. The child may send the next one. */
  | { type: 'stored'; run: number }
  /** The child must stop at the next step. */
  | { type: 'stop'; run: number }
  /** The child must stop after the current step, with a checkpoint. */
  | { type: 'pause'; run: number };

/** An event as the child reports it. Large contents are in a file, which the worker stores and removes. */
export type ReportedEvent =
  | Exclude<TrainingEvent, { type: 'checkpoint' | SnapshotKind }>
  | { readonly type: 'snapshots'; readonly kind: SnapshotKind; readonly file: string; readonly epochs: readonly number[] }
  | ({ readonly type: 'checkpoint'; readonly file: string; readonly bytes: number } & Position)
  /** The child cannot write its files and retries. Null: it can write them again. */
  | { readonly type: 'scratch'; readonly problem: Reason | null };

export type FromChild =
  /** The child has loaded all modules and is warm. Sent once. */
  | { type: 'ready' }
  /** The child has accepted the job. If the child dies after this, the job may be the cause. */
  | { type: 'started'; run: number }
  /** A batch of events, in order. The next batch is sent after `stored`. */
  | { type: 'events'; run: number; events: ReportedEvent[] }
  /** The training has ended and all of its events are stored. `residentBytes` is the memory that the child uses afterwards. */
  | { type: 'ended'; run: number; end: ReportedEnd; residentBytes: number };

/**
 * The end of a training, reported by the child. `error` is for the job's record and contains no stack and no path of the service; `detail`
 * is for the log.
 */
export type ReportedEnd =
  | { kind: 'trained'; result: TrainingSummary }
  | { kind: 'stopped' }
  /** Paused as requested. If the training had begun, its last checkpoint is stored. */
  | { kind: 'paused' }
  | { kind: 'failed'; error: JobError; detail: string }
  /** The process cannot continue, for example because it lost a thread. Handled like the death of the process. */
  | { kind: 'crashed'; error: JobError; detail: string };
