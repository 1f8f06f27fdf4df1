// Random faults for workers: their training children are killed, and the workers are killed, frozen, stopped and cut off from Redis. A seed
// determines the faults and their order. It does not determine how the processes interleave.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Generator } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { killIfThere } from '../worker/fixtures/processes.ts';
import type { TcpProxy } from '../worker/fixtures/tcpProxy.ts';
import type { WorkerSettings } from '../worker/fixtures/workerOptions.ts';
import type { WorkerProcess, Workers } from '../worker/fixtures/workers.ts';
import { between } from './between.ts';

/** A job that has lost this many attempts is not disturbed any more, so that the run ends. */
const MOST_HITS = 4;

export const kinds = ['childKilled', 'workerKilled', 'workerFrozen', 'workerStopped', 'connectionsCut', 'clientsKilled'] as const;
export type Kind = (typeof kinds)[number];

/** The faults to draw from. Those that end an attempt occur more often than broken connections. */
const lots: readonly Kind[] = [...kinds, 'childKilled', 'childKilled', 'childKilled', 'workerKilled', 'workerKilled', 'workerStopped'];

export interface MischiefOptions {
  readonly workers: Workers;
  /** The settings of the workers. Their Redis URL leads through the proxy. */
  readonly settings: Partial<WorkerSettings>;
  readonly line: TcpProxy;
  /** A connection to Redis that does not use the proxy. */
  readonly redis: Redis;
  readonly random: Generator;
}

interface RunningJob {
  readonly jobId: string;
  readonly worker: WorkerProcess;
  readonly child: number;
  readonly epoch: number;
}

export class Mischief {
  readonly done = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  /** All workers, including those that have ended. */
  readonly fleet: WorkerProcess[] = [];
  readonly #options: MischiefOptions;
  readonly #hits = new Map<string, { times: number; epoch: number }>();
  readonly #frozen = new Map<WorkerProcess, NodeJS.Timeout>();

  constructor(options: MischiefOptions) {
    this.#options = options;
  }

  /** Starts the workers. */
  async begin(count: number): Promise<void> {
    this.fleet.push(...(await Promise.all(Array.from({ length: count }, () => this.#options.workers.spawn(this.#options.settings)))));
  }

  /** Disturbs the workers until `ended` reports that all jobs have ended. */
  async until(ended: () => Promise<boolean>): Promise<void> {
    while (!(await ended())) {
      await delay(between(this.#options.random, 100, 1_200));
      await this.#do(lots[between(this.#options.random, 0, lots.length)] ?? 'childKilled');
    }
    for (const worker of this.#frozen.keys()) this.#thaw(worker);
  }

  /** Stops all workers and waits for their end. */
  async end(): Promise<void> {
    for (const { pid } of this.fleet) killIfThere(pid, 'SIGTERM');
    await Promise.all(this.fleet.map(({ exited }) => exited));
  }

  async #do(kind: Kind): Promise<void> {
    const running = await this.#running();
    const hit = running[between(this.#options.random, 0, Math.max(running.length, 1))];
    // Spares a job that has stored no new epoch since its last death. Several deaths without a new epoch would correctly fail the job as a
    // crash loop.
    const sharers = kind === 'childKilled' ? [hit] : running.filter(({ worker }) => worker === hit?.worker);
    const costsAttempts = kind !== 'connectionsCut' && kind !== 'clientsKilled';
    if (costsAttempts && (hit === undefined || !sharers.every((job) => job !== undefined && this.#canBear(job)))) return;
    for (const job of costsAttempts ? sharers : []) if (job !== undefined) this.#count(job);
    this.done[kind] += 1;
    switch (kind) {
      case 'childKilled':
        if (hit !== undefined) killIfThere(hit.child, 'SIGKILL');
        break;
      case 'workerKilled':
      case 'workerStopped':
        if (hit !== undefined) await this.#replace(hit.worker, kind === 'workerKilled' ? 'SIGKILL' : 'SIGTERM');
        break;
      case 'workerFrozen':
        if (hit !== undefined) this.#freeze(hit.worker);
        break;
      case 'connectionsCut':
        this.#options.line.cut();
        await delay(between(this.#options.random, 1, 2_500));
        this.#options.line.mend();
        break;
      case 'clientsKilled':
        await this.#options.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
  }

  async #replace(worker: WorkerProcess, signal: NodeJS.Signals): Promise<void> {
    killIfThere(worker.pid, signal);
    this.fleet.push(await this.#options.workers.spawn(this.#options.settings));
  }

  /** Freezes a worker for long enough that another worker can take over its jobs. */
  #freeze(worker: WorkerProcess): void {
    killIfThere(worker.pid, 'SIGSTOP');
    this.#frozen.set(
      worker,
      setTimeout(() => this.#thaw(worker), between(this.#options.random, 7_000, 14_000)),
    );
  }

  #thaw(worker: WorkerProcess): void {
    clearTimeout(this.#frozen.get(worker));
    this.#frozen.delete(worker);
    killIfThere(worker.pid, 'SIGCONT');
  }

  /** Returns the jobs that are being trained by workers that may be disturbed. */
  async #running(): Promise<RunningJob[]> {
    const { data } = await this.#options.workers.jobs.store.list({ limit: 100 });
    return data.flatMap(({ id, status, attempts, worker: name, progress }) => {
      const worker = this.fleet.find(({ pid, process }) => isRunning(process) && name?.endsWith(`-${pid}`));
      const child = worker?.logs.find((line) => line.jobId === id && line.attempt === attempts && line.child !== undefined)?.child;
      if (status !== 'running' || worker === undefined || child === undefined || this.#frozen.has(worker)) return [];
      return [{ jobId: id, worker, child, epoch: progress.epoch }];
    });
  }

  #canBear({ jobId, epoch }: RunningJob): boolean {
    const hit = this.#hits.get(jobId);
    return hit === undefined || (hit.times < MOST_HITS && epoch > hit.epoch);
  }

  #count({ jobId, epoch }: RunningJob): void {
    this.#hits.set(jobId, { times: (this.#hits.get(jobId)?.times ?? 0) + 1, epoch });
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
