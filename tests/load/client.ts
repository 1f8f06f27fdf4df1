// One client of the service. It sends each request to a random API process, as a load balancer does, and records each response. jobActs.ts
// and otherActs.ts decide what it requests.
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
  /** The name of the operation in the list of latencies, such as `POST /jobs`. */
  readonly operation: string;
  readonly path: string;
  /** The allowed statuses. */
  readonly expect: readonly number[];
  readonly json?: object;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long a job may take under the load, in ms. */
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

  /** Returns the URL of a random API process. */
  get url(): string {
    return this.draws.oneOf(this.#urls);
  }

  /** Returns the URLs of several different API processes, for concurrent requests. */
  urls(count: number): string[] {
    const first = this.draws.below(this.#urls.length);
    return Array.from({ length: Math.min(count, this.#urls.length) }, (_, index) => this.#urls[(first + index) % this.#urls.length] ?? '');
  }

  /** Returns a new idempotency key. */
  newKey(): string {
    this.#keys += 1;
    return `${this.name}-${this.#keys}`;
  }

  /** Sends a request to a random process or to `url`. A response with another status than the allowed ones is a violation. */
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
    if (!expect.includes(response.status)) this.ledger.violated(`${operation} got the status ${response.status}: ${text.slice(0, 300)}`);
    return { status: response.status, headers: response.headers, body: text === '' ? null : (JSON.parse(text) as unknown) };
  }

  /** Posts a job with the client's label, so that the client can list its jobs. */
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

  /** Requests an action on a job. The status is 409 if the job has already ended. */
  async act(action: 'cancel' | 'pause' | 'resume', jobId: string): Promise<Answer> {
    return await this.ask({ operation: `POST /jobs/{id}/${action}`, path: `/jobs/${jobId}/${action}`, expect: [202, 409] });
  }

  /** Polls a job until it has ended or meets the condition. */
  async until(jobId: string, isAsWanted: (job: Job) => boolean = isOver): Promise<Job> {
    for (const end = performance.now() + longestJobMs; ; await delay(50 + this.draws.below(200))) {
      const job = await this.get(jobId);
      if (isAsWanted(job) || isFinal(job.status)) return job;
      if (performance.now() < end) continue;
      this.ledger.violated(`a job made no progress within ${longestJobMs / 1_000} s: it is ${job.status}`);
      return job;
    }
  }
}
