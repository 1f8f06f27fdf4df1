// Records a load run: response times and statuses, the expected results of accepted requests, and violations.
import type { JobStatus } from '@trainyard/contracts';

/** An accepted job and its expected result. */
export interface PromisedJob {
  /** The spec with its seed, as text. Equal specs give equal weights. */
  readonly spec: string;
  readonly epochs: number;
  readonly ends: readonly JobStatus[];
  readonly isDeleted: boolean;
}

/** The events that one client got from a job's stream, over all of its connections. */
export interface HeardStream {
  readonly jobId: string;
  readonly ids: readonly string[];
  readonly connections: number;
}

export class Ledger {
  readonly jobs = new Map<string, PromisedJob>();
  /** The sweeps, each with its number of jobs. */
  readonly sweeps = new Map<string, number>();
  readonly streams: HeardStream[] = [];
  readonly #latencies = new Map<string, number[]>();
  readonly #violations = new Map<string, number>();

  promise(jobId: string, spec: object, epochs: number, ends: readonly JobStatus[] = ['succeeded']): void {
    if (this.jobs.has(jobId)) this.violated(`${jobId} was returned twice as a new job`);
    this.jobs.set(jobId, { spec: JSON.stringify(spec), epochs, ends, isDeleted: false });
  }

  amend(jobId: string, change: Partial<PromisedJob>): void {
    const job = this.jobs.get(jobId);
    if (job !== undefined) this.jobs.set(jobId, { ...job, ...change });
  }

  /** The ids of the jobs that are not deleted. */
  kept(): string[] {
    return [...this.jobs].filter(([, { isDeleted }]) => !isDeleted).map(([jobId]) => jobId);
  }

  /** Records the time of a response. @param operation the name of the operation, such as `GET /jobs` */
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
