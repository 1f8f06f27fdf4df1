// The neighbour: a client with a key of its own. Once a second it posts a small job, follows it, predicts, uploads a table and reads lists.
// It compares every response with the one that it expects.
import { isDeepStrictEqual } from 'node:util';
import { type Dataset, type EpochMetrics, isFinal, type Job, type JobPage } from '@trainyard/contracts';
import { Figures } from './figures.ts';
import { followJob } from './followJob.ts';
import { digitsJob, post, succeeded } from './jobs.ts';
import { ask, type Answer, type Caller, expectStatus, type RequestOptions } from './requests.ts';
import { WebhookReceiver } from './webhookReceiver.ts';

/** The right responses to the neighbour's requests: the responses of the service while it does nothing else. */
interface Expected {
  /** A job of the neighbour that has succeeded. Predictions use it. */
  readonly jobId: string;
  /** The neighbour's only sweep. */
  readonly sweepId: string;
  readonly weightsSha256: string;
  readonly losses: readonly (readonly number[])[];
  readonly prediction: unknown;
}

/** The times of one job of the neighbour, by the clock of the service. */
export interface NeighbourJob {
  /** The time from its creation to its start, in ms. */
  readonly waitedMs: number;
  /** The time from its start to its end, in ms. */
  readonly ranMs: number;
  /** The number of the neighbour's jobs that had not ended when this one was posted. */
  readonly ahead: number;
}

/** A request without a response within this time counts as wrong, in ms. */
const longestAnswerMs = 30_000;

/**
 * The neighbour posts no job while this number of its jobs have not ended, and no dataset while this number of its uploads have not ended.
 */
const mostUnfinished = { jobs: 20, uploads: 4 };

const lossesOf = (epochs: readonly EpochMetrics[]): (readonly number[])[] =>
  epochs.map(({ epoch, trainLoss, testLoss, testAccuracy }) => [epoch, trainLoss ?? NaN, testLoss ?? NaN, testAccuracy ?? NaN]);

/** Two images of 28 × 28 pixels, the same in every run. */
const samples = [3, 5].map((step) => [
  Array.from({ length: 28 }, (_, y) => Array.from({ length: 28 }, (_, x) => ((x * step + y) % 11) / 10)),
]);

export class Neighbour {
  readonly #caller: Caller;
  readonly #expected: Expected;
  readonly #receiver: WebhookReceiver;
  readonly #working = new Set<Promise<void>>();
  #count = 0;
  readonly #unfinished = { jobs: 0, uploads: 0 };
  #newestJobId = '';
  #figures = new Figures();
  #jobs: NeighbourJob[] = [];

  private constructor(caller: Caller, expected: Expected, receiver: WebhookReceiver) {
    this.#caller = caller;
    this.#expected = expected;
    this.#receiver = receiver;
  }

  /** Creates the neighbour. Learns the right responses from a service that does nothing else. */
  static async meet(caller: Caller): Promise<Neighbour> {
    const sweep = {
      name: 'neighbour',
      spec: { ...digitsJob, labels: { owner: 'neighbour' } },
      space: { '/optimizer/learningRate': { type: 'choice', values: [0.01, 0.001] } },
      strategy: { type: 'grid' },
    };
    const { id: sweepId } = (await expectStatus(ask(caller, '/sweeps', { json: sweep }), 202)) as { readonly id: string };
    const { id } = await post(caller, { ...digitsJob, labels: { owner: 'neighbour' } });
    const { result } = await succeeded(caller, id);
    const { epochs } = (await expectStatus(ask(caller, `/jobs/${id}/metrics`), 200)) as { readonly epochs: readonly EpochMetrics[] };
    const prediction = await expectStatus(ask(caller, `/jobs/${id}/predict`, { json: { inputs: samples } }), 200);
    const expected = { jobId: id, sweepId, weightsSha256: result?.weightsSha256 ?? '', losses: lossesOf(epochs), prediction };
    return new Neighbour(caller, expected, await WebhookReceiver.listen());
  }

  /** Starts one request of every kind. */
  tick(): void {
    this.#count += 1;
    const begun = [this.#postAndFollow(), this.#predict(), this.#upload(), this.#listJobs(), this.#listDatasets(), this.#listSweeps()];
    for (const act of begun) this.#work(act);
  }

  /** The number of requests since the last `takeFigures`. */
  get requests(): number {
    return this.#figures.requests;
  }

  /** The number of wrong responses since the last `takeFigures`. */
  get wrong(): number {
    return this.#figures.wrong;
  }

  /** Waits until all requests have ended. Returns their figures, and starts new ones. */
  async takeFigures(): Promise<{ readonly figures: Figures; readonly jobs: readonly NeighbourJob[] }> {
    while (this.#working.size > 0) await Promise.all(this.#working);
    const taken = { figures: this.#figures, jobs: this.#jobs };
    this.#figures = new Figures();
    this.#jobs = [];
    return taken;
  }

  async close(): Promise<void> {
    await this.#receiver.close();
  }

  #work(act: Promise<void>): void {
    const noted = act.catch((error: unknown) => this.#figures.add('other', 0, String(error))).finally(() => this.#working.delete(noted));
    this.#working.add(noted);
  }

  /** Sends a request, and counts its time and its fault. @returns the response; null if it is wrong */
  async #ask(kind: string, path: string, options: RequestOptions, check: (answer: Answer) => string | null): Promise<Answer | null> {
    const since = performance.now();
    let answer: Answer | null = null;
    let fault: string | null;
    try {
      answer = await ask(this.#caller, path, { ...options, signal: AbortSignal.timeout(longestAnswerMs) });
      fault = check(answer);
    } catch (error) {
      fault =
        error instanceof Error && error.name === 'TimeoutError'
          ? `no response within ${longestAnswerMs / 1_000} s`
          : `the connection broke: ${causeOf(error)}`;
    }
    this.#figures.add(kind, performance.now() - since, fault);
    return fault === null ? answer : null;
  }

  async #postAndFollow(): Promise<void> {
    const ahead = this.#unfinished.jobs;
    if (ahead >= mostUnfinished.jobs) return;
    this.#unfinished.jobs += 1;
    try {
      const name = `hook-${this.#count}`;
      const json = { ...digitsJob, labels: { owner: 'neighbour' }, webhook: { url: this.#receiver.urlOf(name) } };
      const answer = await this.#ask('post a job', '/jobs', { json }, statusIs(202));
      if (answer === null) return;
      const { id } = answer.body as Job;
      if (id > this.#newestJobId) this.#newestJobId = id;
      await this.#follow(id);
      const got = await this.#ask('get a job', `/jobs/${id}`, {}, (gotten) => statusIs(200)(gotten) ?? this.#faultOf(gotten.body as Job));
      if (got === null) return;
      const { createdAt, startedAt, finishedAt } = got.body as Job;
      const [created, started, finished] = [createdAt, startedAt ?? '', finishedAt ?? ''].map((time) => Date.parse(time)) as [
        number,
        number,
        number,
      ];
      this.#jobs.push({ waitedMs: started - created, ranMs: finished - started, ahead });
      const arrivedAt = await this.#receiver.arrival(name, longestAnswerMs);
      this.#figures.add(
        'webhook',
        (arrivedAt ?? Date.now()) - finished,
        arrivedAt === null ? `no webhook within ${longestAnswerMs / 1_000} s` : null,
      );
    } finally {
      this.#unfinished.jobs -= 1;
    }
  }

  async #follow(id: string): Promise<void> {
    const { headMs, fault, statuses, epochs } = await followJob(this.#caller, id);
    const isComplete =
      isDeepStrictEqual(statuses, ['queued', 'running', 'succeeded']) && isDeepStrictEqual(lossesOf(epochs), this.#expected.losses);
    this.#figures.add(
      'open a stream',
      headMs,
      fault ?? (isComplete ? null : `wrong events: ${statuses.join(' ')}, ${epochs.length} epochs`),
    );
  }

  #faultOf(job: Job): string | null {
    if (!isFinal(job.status)) return `still ${job.status} after its last event`;
    if (job.status !== 'succeeded') return `${job.status}: ${job.error?.message ?? ''}`;
    return job.result?.weightsSha256 === this.#expected.weightsSha256 ? null : 'wrong weights';
  }

  async #predict(): Promise<void> {
    const { jobId, prediction } = this.#expected;
    await this.#ask('predict', `/jobs/${jobId}/predict`, { json: { inputs: samples } }, (answer) => {
      return statusIs(200)(answer) ?? (isDeepStrictEqual(answer.body, prediction) ? null : 'a wrong prediction');
    });
  }

  async #upload(): Promise<void> {
    if (this.#unfinished.uploads >= mostUnfinished.uploads) return;
    this.#unfinished.uploads += 1;
    try {
      await this.#uploadAndDelete();
    } finally {
      this.#unfinished.uploads -= 1;
    }
  }

  async #uploadAndDelete(): Promise<void> {
    const kind = `kind-${this.#count}`;
    const form = new FormData();
    form.set('name', 'neighbour');
    form.set('targetColumn', 'kind');
    const rows = Array.from({ length: 8 }, (_, row) => `${row},${this.#count},${row % 2 === 0 ? 'cat' : kind}`);
    form.set('file', new Blob([`a,b,kind\n${rows.join('\n')}\n`]), 'table.csv');
    const made = await this.#ask('upload a table', '/datasets', { body: form }, (answer) => {
      const { trainSamples, classes } = answer.body as Dataset;
      return statusIs(201)(answer) ?? (trainSamples === 8 && isDeepStrictEqual(classes, ['cat', kind]) ? null : 'a wrong dataset');
    });
    if (made === null) return;
    await this.#ask('delete a dataset', `/datasets/${(made.body as Dataset).id}`, { method: 'DELETE' }, statusIs(204));
  }

  async #listJobs(): Promise<void> {
    const newest = this.#newestJobId;
    await this.#ask('list jobs', '/jobs?limit=20', {}, (answer) => {
      const fault = statusIs(200)(answer);
      if (fault !== null) return fault;
      const { data } = answer.body as JobPage;
      if (data.some(({ labels }) => labels['owner'] !== 'neighbour')) return "a list with another key's jobs";
      if (data.some(({ id }, at) => at > 0 && id >= (data[at - 1]?.id ?? ''))) return 'a list that is not newest first';
      return newest === '' || data.some(({ id }) => id === newest) || (data.at(-1)?.id ?? '') > newest
        ? null
        : 'a list without the newest job';
    });
  }

  async #listDatasets(): Promise<void> {
    await this.#ask('list datasets', '/datasets', {}, (answer) => {
      const fault = statusIs(200)(answer);
      const { data } = answer.body as { readonly data: readonly { readonly title?: string }[] };
      return fault ?? (data.some(({ title }) => title === 'attack') ? "a list with another key's datasets" : null);
    });
  }

  async #listSweeps(): Promise<void> {
    await this.#ask('list sweeps', '/sweeps', {}, (answer) => {
      const fault = statusIs(200)(answer);
      const { data } = answer.body as { readonly data: readonly { readonly id: string }[] };
      return (
        fault ??
        (isDeepStrictEqual(
          data.map(({ id }) => id),
          [this.#expected.sweepId],
        )
          ? null
          : 'a wrong list of sweeps')
      );
    });
  }
}

/** Checks the status of a response. Returns the fault, or null if there is none. */
const statusIs =
  (status: number) =>
  (answer: Answer): string | null =>
    answer.status === status ? null : `${answer.status} instead of ${status}`;

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
