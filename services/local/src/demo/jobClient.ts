// The demo's calls to the HTTP API. Responses are checked against the contract.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DryRunAnswer,
  dryRunAnswer,
  isFinal,
  type Job,
  type JobEvent,
  jobEventSchema,
  jobSchema,
  type ProblemIssue,
  problemSchema,
} from '@trainyard/contracts';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { z } from 'zod';

/** The API refused a request. The message lists all reported problems. */
export class RefusedError extends Error {
  readonly code: string;

  constructor(code: string, title: string, detail: string, issues: readonly ProblemIssue[]) {
    super([issues.length > 0 ? title : `${title}: ${detail}`, ...issues.map(({ path, message }) => `  ${path}: ${message}`)].join('\n'));
    this.name = 'RefusedError';
    this.code = code;
  }
}

/** The pause before a reconnect, in ms: the same as in the stream's `retry:` field. */
const reconnectPauseMs = 500;
const reconnectAttempts = 20;
const cancelBoundMs = 2_000;

export class JobClient {
  readonly #url: string;
  readonly #signal: AbortSignal;

  /** @param signal ends all running calls, which then throw its reason */
  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  /** Returns the layers and totals of the job without creating the job. @throws RefusedError if the service refuses the request */
  async dryRun(spec: unknown): Promise<DryRunAnswer> {
    return await this.#request(dryRunAnswer, '/jobs?dryRun=true', spec);
  }

  /** Creates a job. @throws RefusedError if the service refuses the request */
  async submit(spec: unknown): Promise<Job> {
    return await this.#request(jobSchema, '/jobs', spec);
  }

  /** Returns a job. @throws RefusedError if the service refuses the request, for example because it does not know the id */
  async job(id: string): Promise<Job> {
    return await this.#request(jobSchema, `/jobs/${id}`);
  }

  /** Cancels a job, even after the client's signal was aborted. @throws RefusedError if the service refuses the request */
  async cancel(id: string): Promise<Job> {
    return await this.#request(jobSchema, `/jobs/${id}/cancel`, {}, AbortSignal.timeout(cancelBoundMs));
  }

  /** Yields the job's events, each once, until its final status. Reconnects if the connection breaks. */
  async *follow(id: string): AsyncGenerator<JobEvent, void, undefined> {
    let lastId: string | null = null;
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const event of this.#stream(id, lastId)) {
          if ('id' in event) lastId = event.id;
          attempt = 0;
          yield event;
          if (event.event === 'status' && isFinal(event.data.status)) return;
        }
      } catch (error) {
        if (this.#signal.aborted || error instanceof RefusedError || attempt === reconnectAttempts) throw error;
      }
      await sleep(reconnectPauseMs, undefined, { signal: this.#signal });
    }
  }

  async *#stream(id: string, lastId: string | null): AsyncGenerator<JobEvent, void, undefined> {
    const headers = { accept: 'text/event-stream', ...(lastId === null ? {} : { 'last-event-id': lastId }) };
    const response = await fetch(`${this.#url}/jobs/${id}/events`, { headers, signal: this.#signal });
    if (!response.ok || response.body === null) throw await refusal(response);
    const messages = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const message of messages) {
      const id = message.id === undefined ? {} : { id: message.id };
      const data: unknown = JSON.parse(message.data);
      yield jobEventSchema.parse({ ...id, event: message.event, data });
    }
  }

  async #request<T>(schema: z.ZodType<T>, path: string, body?: unknown, signal = this.#signal): Promise<T> {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(this.#url + path, { ...(body === undefined ? {} : post), signal });
    if (!response.ok) throw await refusal(response);
    return schema.parse(await response.json());
  }
}

async function refusal(response: Response): Promise<RefusedError> {
  const problem = problemSchema.safeParse(await response.json().catch(() => null));
  if (!problem.success) return new RefusedError('http', `the API answered ${response.status}`, response.statusText, []);
  const { code, title, detail, errors = [] } = problem.data;
  return new RefusedError(code, title, detail, errors);
}
