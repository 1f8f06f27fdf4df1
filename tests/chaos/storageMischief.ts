// Random faults for the storage and for training children: requests are refused, cut off, answered with wrong bytes or not at all, and
// children are killed and frozen. A seed determines the faults and their order. It does not determine how the processes interleave.
import { setTimeout as delay } from 'node:timers/promises';
import type { Generator } from '@trainyard/engine';
import type { Fault, FaultyS3 } from '../support/faultyS3.ts';
import { killIfThere } from '../worker/fixtures/processes.ts';
import type { WorkerProcess, Workers } from '../worker/fixtures/workers.ts';
import { between } from './between.ts';

export const storageFaults = ['refuse', 'silence', 'cut', 'corrupt', 'denied', 'busy', 'noBucket'] as const;
export const childFaults = ['childKilled', 'childFrozen'] as const;
type Kind = (typeof storageFaults)[number] | (typeof childFaults)[number];

const faults: Readonly<Record<(typeof storageFaults)[number], Fault>> = {
  refuse: 'refuse',
  silence: 'silence',
  cut: 'cut',
  corrupt: 'corrupt',
  denied: { status: 403, code: 'AccessDenied' },
  busy: { status: 503, code: 'SlowDown' },
  noBucket: { status: 404, code: 'NoSuchBucket' },
};

/** The longest time for which a file is damaged, in ms. A worker fetches a damaged file again for a longer time before it fails the job. */
const longestCorruptionMs = 1_000;

export interface StorageMischiefOptions {
  readonly workers: Workers;
  readonly worker: WorkerProcess;
  readonly s3: FaultyS3;
  readonly random: Generator;
}

export class StorageMischief {
  readonly done = Object.fromEntries([...storageFaults, ...childFaults].map((kind) => [kind, 0])) as Record<Kind, number>;
  readonly #options: StorageMischiefOptions;
  /** The progress of each job when its child was last disturbed. */
  readonly #hits = new Map<string, string>();

  constructor(options: StorageMischiefOptions) {
    this.#options = options;
  }

  /** Causes faults until `ended` reports that all jobs have ended. */
  async until(ended: () => Promise<boolean>): Promise<void> {
    const children = this.#hitChildren(ended);
    while (!(await ended())) {
      const kind = storageFaults[between(this.#options.random, 0, storageFaults.length)] ?? 'refuse';
      const share = between(this.#options.random, 1, 4);
      this.done[kind] += 1;
      this.#options.s3.set(() => (between(this.#options.random, 0, 4) < share ? faults[kind] : undefined));
      await delay(between(this.#options.random, 50, kind === 'corrupt' ? longestCorruptionMs : 2_500));
      this.#options.s3.set();
      await delay(between(this.#options.random, 50, 1_500));
    }
    await children;
  }

  async #hitChildren(ended: () => Promise<boolean>): Promise<void> {
    while (!(await ended())) {
      await delay(between(this.#options.random, 50, 900));
      const { data } = await this.#options.workers.jobs.store.list({ limit: 100, status: 'running' });
      const job = data[between(this.#options.random, 0, Math.max(data.length, 1))];
      const child = this.#options.worker.logs.findLast((line) => line.jobId === job?.id && line.child !== undefined)?.child;
      if (job === undefined || child === undefined) continue;
      // Spares a job that has made no progress since its last death. Several deaths without progress would correctly fail the job as a
      // crash loop.
      const progress = `${job.progress.epoch} ${job.checkpoint?.epoch} ${job.checkpoint?.step}`;
      if (this.#hits.get(job.id) === progress) continue;
      this.#hits.set(job.id, progress);
      const kind = childFaults[between(this.#options.random, 0, childFaults.length)] ?? 'childKilled';
      this.done[kind] += 1;
      killIfThere(child, kind === 'childKilled' ? 'SIGKILL' : 'SIGSTOP');
    }
  }
}
