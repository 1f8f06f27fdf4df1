// One client of the service: sends every request to another API process, as a load balancer does, and notes how each was answered.
// What it wants of them is acts.ts's.
import { setTimeout as delay } from 'node:timers/promises';
import { isFinal, type Job } from '@trainyard/contracts';
import type { Draws } from './draws.ts';
import type { Ledger } from './ledger.ts';
import type { JobBody } from './specs.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface Request {
  /** For the latencies, such as `POST /jobs`. */
  readonly operation: string;
  readonly path: string;
  /** The statuses that may be. */
  readonly expect: readonly number[];
  readonly json?: object;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long a job may take under all of the load, in ms. */
const longestJobMs = 180_000;

const isOver = (job: Job): boolean => isFinal(job.status);

export class Client {
  readonly name: string;
  readonly draws: Draws;
  readonly ledger: Ledger;
  readonly #urls: readonly string[];
  #keys = 0;

  constructor(options: { readonly name: string; readonly urls: readonly string[]; readonly draws: Draws; readonly ledger: Ledger }) {
    this.name = options.name;
    this.draws = options.draws;
    this.ledger = options.ledger;
    this.#urls = options.urls;
  }

  /** Any of the processes. */
  get url(): string {
    return this.draws.oneOf(this.#urls);
  }

  /** Several different ones, for requests at the same time. */
  urls(count: number): string[] {
    const first = this.draws.below(this.#urls.length);
    return Array.from({ length: Math.min(count, this.#urls.length) }, (_, index) => this.#urls[(first + index) % this.#urls.length] ?? '');
  }

  /** An idempotency key that nobody has used. */
  newKey(): string {
    this.#keys += 1;
    return `${this.name}-${this.#keys}`;
  }

  /** Asks one of the processes, or that of `url`. An answer that may not be is a violation. */
  async ask({ operation, path, expect, json, form, headers = {} }: Request, url = this.url): Promise<Answer> {
    const [method = 'GET'] = operation.split(' ');
    const since = performance.now();
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(json && { 'content-type': 'application/json' }), ...headers },
      ...(json ? { body: JSON.stringify(json) } : form ? { body: form } : {}),
    });
    const text = await response.text();
    this.ledger.answered(operation, performance.now() - since);
    if (!expect.includes(response.status)) this.ledger.violated(`${operation} was answered ${response.status}: ${text.slice(0, 300)}`);
    return { status: response.status, headers: response.headers, body: text === '' ? null : (JSON.parse(text) as unknown) };
  }

  /** Posts a job with the client's label, which it is found by. */
  async post(body: JobBody, ends?: Parameters<Ledger['promise']>[3]): Promise<Job> {
    const { body: job } = await this.ask({ operation: 'POST /jobs', path: '/jobs', expect: [202], json: this.labelled(body) });
    this.ledger.promise((job as Job).id, body, body.epochs, ends);
    return job as Job;
  }

  labelled(body: JobBody): object {
    return { ...body, labels: { client: this.name } };
  }

  async get(jobId: string): Promise<Job> {
    return (await this.ask({ operation: 'GET /jobs/{id}', path: `/jobs/${jobId}`, expect: [200] })).body as Job;
  }

  /** One of the actions on a job; 409 for one that has come too late. */
  async act(action: 'cancel' | 'pause' | 'resume', jobId: string): Promise<Answer> {
    return await this.ask({ operation: `POST /jobs/{id}/${action}`, path: `/jobs/${jobId}/${action}`, expect: [202, 409] });
  }

  /** Looks at a job again and again until it has ended, or is as wanted. */
  async until(jobId: string, isAsWanted: (job: Job) => boolean = isOver): Promise<Job> {
    for (const end = performance.now() + longestJobMs; ; await delay(50 + this.draws.below(200))) {
      const job = await this.get(jobId);
      if (isAsWanted(job) || isFinal(job.status)) return job;
      if (performance.now() < end) continue;
      this.ledger.violated(`a job did not get on within ${longestJobMs / 1_000} s: it is ${job.status}`);
      return job;
    }
  }
}
