// What a load run saw: how long answers took, which there were, what clients were promised, and what turned out not to be so.
import type { JobStatus } from '@trainyard/contracts';

/** A job that was accepted, and what has to become of it. */
export interface PromisedJob {
  /** The spec with its seed, as a text: the same one gives the same weights. */
  readonly spec: string;
  readonly epochs: number;
  readonly ends: readonly JobStatus[];
  readonly isDeleted: boolean;
}

/** What one client heard of a job's stream, over all of its connections. */
export interface HeardStream {
  readonly jobId: string;
  readonly ids: readonly string[];
  readonly connections: number;
}

export class Ledger {
  readonly jobs = new Map<string, PromisedJob>();
  /** Sweeps, and how many jobs each has. */
  readonly sweeps = new Map<string, number>();
  readonly streams: HeardStream[] = [];
  readonly #latencies = new Map<string, number[]>();
  readonly #violations = new Map<string, number>();

  promise(jobId: string, spec: object, epochs: number, ends: readonly JobStatus[] = ['succeeded']): void {
    if (this.jobs.has(jobId)) this.violated(`${jobId} was given out as a new job twice`);
    this.jobs.set(jobId, { spec: JSON.stringify(spec), epochs, ends, isDeleted: false });
  }

  amend(jobId: string, change: Partial<PromisedJob>): void {
    const job = this.jobs.get(jobId);
    if (job !== undefined) this.jobs.set(jobId, { ...job, ...change });
  }

  /** The ids of jobs that are there for good. */
  kept(): string[] {
    return [...this.jobs].filter(([, { isDeleted }]) => !isDeleted).map(([jobId]) => jobId);
  }

  /** @param operation such as `GET /jobs` */
  answered(operation: string, ms: number): void {
    const latencies = this.#latencies.get(operation) ?? [];
    latencies.push(ms);
    this.#latencies.set(operation, latencies);
  }

  violated(what: string): void {
    this.#violations.set(what, (this.#violations.get(what) ?? 0) + 1);
  }

  check(holds: boolean, what: string): void {
    if (!holds) this.violated(what);
  }

  get latencies(): ReadonlyMap<string, readonly number[]> {
    return this.#latencies;
  }

  get violations(): ReadonlyMap<string, number> {
    return this.#violations;
  }
}
