// What the worker and a training child say to each other over Node's IPC channel: plain objects told apart by `type`,
// as JSON. Both ends are ours and start from the same build, so they trust the shapes; `run` numbers one job on one
// child, so that a message that is late for the job before is recognised. Not the events of the HTTP API.
import type { JobError } from '@trainyard/contracts';
import type { JobSpec, Position, TrainingEvent, TrainingSummary } from '@trainyard/engine';
import type { SnapshotKind } from '@trainyard/jobs/snapshots';
import type { NodeDatasetFilesOptions } from '@trainyard/engine/node';
import type { Reason } from './runError.ts';

/** The argument of a training child that computes with relaxed SIMD, for all of its jobs. */
export const RELAXED = '--relaxed';

/** Train this job. Files that the child writes do not exist yet, their folder does. */
export interface TrainOrder {
  type: 'train';
  run: number;
  spec: JobSpec;
  /** For the final weights. */
  modelFile: string;
  /** For checkpoints: each gets a number after this. */
  checkpointFile: string;
  /** For what is kept of single epochs: each file gets a number after this. */
  snapshotFile: string;
  /** Between two checkpoints at least. */
  checkpointEveryMs: number;
  /** A checkpoint to go on from. */
  resumeFile: string | null;
  /** Weights to begin with, where there is no checkpoint. */
  initialFile: string | null;
  data: NodeDatasetFilesOptions;
}

export type ToChild =
  | TrainOrder
  /** The events sent last are stored: the child may send what it gathered since. */
  | { type: 'stored'; run: number }
  /** Stop at the next step. */
  | { type: 'stop'; run: number }
  /** Stop after the step in hand, with a checkpoint of it. */
  | { type: 'pause'; run: number };

/** An event as the child tells it: bytes are in a file, which is the worker's to take. */
export type ReportedEvent =
  | Exclude<TrainingEvent, { type: 'checkpoint' | SnapshotKind }>
  | { readonly type: 'snapshots'; readonly kind: SnapshotKind; readonly file: string; readonly epochs: readonly number[] }
  | ({ readonly type: 'checkpoint'; readonly file: string; readonly bytes: number } & Position)
  /** The child's files cannot be written now, and it goes on trying; null: they can again. */
  | { readonly type: 'scratch'; readonly problem: Reason | null };

export type FromChild =
  /** Imports are done and the engine is warm. Sent once. */
  | { type: 'ready' }
  /** The child has taken the order: what happens to it from here on may be the job's doing. */
  | { type: 'started'; run: number }
  /** Events in their order. The next batch waits for `stored`, so at most one is on its way. */
  | { type: 'events'; run: number; events: ReportedEvent[] }
  /** The job ended and all of its events are stored. `residentBytes` is the child's memory afterwards. */
  | { type: 'ended'; run: number; ending: Ending; residentBytes: number };

/**
 * How a run ended that the child itself brought to its end. `error` is for the job's record and holds no stack and no
 * path; `detail` is for the log.
 */
export type Ending =
  | { kind: 'trained'; result: TrainingSummary }
  | { kind: 'stopped' }
  /** As it was told; its last checkpoint is stored, if it had begun to train. */
  | { kind: 'paused' }
  | { kind: 'failed'; error: JobError; detail: string }
  /** The process is not fit to go on, for which the job need not be to blame: it is as if it had died. */
  | { kind: 'crashed'; error: JobError; detail: string };
