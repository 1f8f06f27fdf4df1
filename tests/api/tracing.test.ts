// OpenTelemetry, with the services' own processes and a receiver of spans on this machine: what one trace holds, from a request to the
// epochs of its job, and that nobody hears of anything where it is not configured. Spans arrive when the processes stop.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Job, Sweep } from '@trainyard/contracts';
import type { JobSpecInput } from '@trainyard/engine/spec';
import { closeRedis, connectRedis, redisKeys, servicePrefix } from '@trainyard/jobs';
import { describe, expect, test as base } from 'vitest';
import { until } from '../support/until.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { type Receiver, startReceiver } from './fixtures/receiver.ts';
import { type Home, openHome, startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number; readonly doubleValue?: number };
}

/** As OTLP's JSON has it; `status.code` 2 is an error. */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number; readonly message?: string };
}

interface Span extends Omit<OtlpSpan, 'attributes'> {
  readonly service: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

const test = base
  .extend('home', async ({ task: _task }, { onCleanup }) => {
    const home = await openHome();
    onCleanup(async () => await home.close());
    return home;
  })
  .extend('receiver', async ({ task: _task }, { onCleanup }) => {
    const receiver = await startReceiver((response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    onCleanup(async () => await receiver.close());
    return receiver;
  })
  .extend('start', async ({ home }, { onCleanup }) => {
    const started: ChildProcess[] = [];
    onCleanup(() => {
      for (const child of started) child.kill('SIGKILL');
    });
    return async (env: Readonly<Record<string, string>>): Promise<Services> => await startServices(home, env, started);
  });

const key = makeKey('tracer', 'admin');

/** What a receiver is told, and in one go, when the processes stop. */
function traced({ url }: Receiver): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: new URL('/', url).href,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '600000',
  };
}

interface Services {
  readonly url: string;
  /** Has the worker hand its job back at once, and starts another one. */
  replaceWorker(): Promise<void>;
  /** Stops both. @returns the lines of their logs */
  stop(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

interface WorkerProcess {
  readonly child: ChildProcess;
  readonly log: Promise<string>;
  readonly exit: Promise<unknown[]>;
}

async function startWorker(env: NodeJS.ProcessEnv, started: ChildProcess[]): Promise<WorkerProcess> {
  const program = new URL('../../services/worker/dist/main.js', import.meta.url);
  const child = fork(program, { env: { PATH: process.env['PATH'], ...env }, silent: true });
  started.push(child);
  const log = child.stderr === null ? Promise.resolve('') : text(child.stderr);
  const exit = once(child, 'exit');
  await once(child, 'message');
  return { child, log, exit };
}

async function startServices(home: Home, env: Readonly<Record<string, string>>, started: ChildProcess[]): Promise<Services> {
  const all = { REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, TRAINYARD_API_KEYS: key.entry, ...env };
  const server = startServer(all);
  started.push(server.child);
  let worker = await startWorker(all, started);
  return {
    url: await server.ready(),
    replaceWorker: async () => {
      worker.child.kill('SIGTERM');
      worker.child.kill('SIGINT');
      expect((await worker.exit)[0]).toBe(0);
      worker = await startWorker(all, started);
    },
    stop: async () => {
      worker.child.kill('SIGTERM');
      server.child.kill('SIGTERM');
      expect([(await worker.exit)[0], await server.exit]).toEqual([0, 0]);
      const lines = [await worker.log, await server.stderr].join('').trim().split('\n');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

async function post<T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(key), ...headers },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as T;
}

async function seen<T extends Job | Sweep>(url: string, isSo: (now: T) => boolean): Promise<T> {
  let now: T | undefined;
  await until(async () => {
    const response = await fetch(url, { headers: bearer(key) });
    now = (await response.json()) as T;
    return response.ok && isSo(now);
  });
  return now as T;
}

async function ended<T extends Job | Sweep>(url: string): Promise<T> {
  return await seen<T>(url, ({ finishedAt }) => finishedAt !== null);
}

function spansOf({ received }: Receiver): readonly Span[] {
  const values = (attributes: readonly Attribute[]): Record<string, unknown> =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  return received.flatMap(({ body }) =>
    (JSON.parse(body) as OtlpTraces).resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) =>
        spans.map((span) => ({
          ...span,
          service: values(resource.attributes)['service.name'],
          attributes: values(span.attributes),
        })),
      ),
    ),
  );
}

/** The only span of this kind. */
function only(spans: readonly Span[], name: string, attributes: Readonly<Record<string, unknown>> = {}): Span {
  const found = spans.filter(
    (span) => span.name === name && Object.entries(attributes).every(([at, value]) => span.attributes[at] === value),
  );
  expect(found).toHaveLength(1);
  return found[0];
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const callersSpan = 'b7ad6b7169203331';
const short: JobSpecInput = { ...tutorial, name: 'confidential name', labels: { team: 'confidential label' }, epochs: 3 };

describe('a trace', () => {
  test('goes on from the caller over the request and the queue to the epochs', async ({ home, receiver, start }) => {
    const services = await start(traced(receiver));
    const { id } = await post<Job>(`${services.url}/jobs`, short, { traceparent: `00-${traceId}-${callersSpan}-01` });
    const job = await ended<Job>(`${services.url}/jobs/${id}`);
    expect(job.status).toBe('succeeded');
    const log = await services.stop();

    const spans = spansOf(receiver).filter((span) => span.traceId === traceId);
    const request = only(spans, 'POST /jobs', { 'trainyard.job.id': id, 'http.response.status_code': 202, 'http.route': '/jobs' });
    expect([request.parentSpanId, request.service]).toEqual([callersSpan, 'trainyard-api']);
    const queued = only(spans, 'queue job', { 'trainyard.job.id': id });
    expect([queued.parentSpanId, queued.service]).toEqual([request.spanId, 'trainyard-api']);
    const attempt = only(spans, 'train job', { 'trainyard.job.id': id, 'trainyard.job.attempt': 1 });
    expect([attempt.parentSpanId, attempt.service]).toEqual([queued.spanId, 'trainyard-worker']);
    expect(attempt.attributes).toMatchObject({ 'trainyard.outcome': 'succeeded', 'trainyard.layers.conv2d': 2 });
    expect(attempt.status.code ?? 0).toBe(0);
    const epochs = spans.filter(({ name }) => name === 'epoch');
    expect(epochs.map(({ attributes }) => attributes['trainyard.epoch'])).toEqual([1, 2, 3]);
    expect(epochs.at(-1)?.attributes['trainyard.train_loss']).toBe(job.latest?.trainLoss);
    for (const epoch of epochs) {
      expect(epoch.parentSpanId).toBe(attempt.spanId);
      expect(BigInt(epoch.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(epoch.startTimeUnixNano));
      expect(BigInt(epoch.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(attempt.endTimeUnixNano));
    }
    expect(spans).toHaveLength(6);

    expect(log.filter(({ trace_id }) => trace_id === traceId).map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['training', 'the job has ended', 'request']) as string[],
    );
    const sent = receiver.received.map(({ body }) => body).join('\n');
    for (const kept of ['confidential', key.token, home.folder, home.redis.url]) expect(sent).not.toContain(kept);
  });

  test('tells what a job failed for, and each job that comes of a request belongs to its trace', async ({ receiver, start }) => {
    const services = await start(traced(receiver));
    const { url } = services;
    const first = await post<Job>(`${url}/jobs`, { ...short, optimizer: { type: 'sgd', learningRate: 1e30 } });
    expect((await ended<Job>(`${url}/jobs/${first.id}`)).error?.code).toBe('nonFinite');
    const retry = await post<Job>(`${url}/jobs/${first.id}/retry`, {});
    await ended(`${url}/jobs/${retry.id}`);
    const sweep = await post<Sweep & { id: string }>(`${url}/sweeps`, {
      spec: { ...short, epochs: 2 },
      space: { '/optimizer/learningRate': { type: 'choice', values: [0.01, 0.02] } },
      strategy: { type: 'halving', minEpochs: 1, factor: 2 },
      maxJobs: 2,
      metric: 'trainLoss',
    });
    const { trials } = await ended<Sweep>(`${url}/sweeps/${sweep.id}`);
    await services.stop();

    const spans = spansOf(receiver);
    const attemptAt = (jobId: string): Span => only(spans, 'train job', { 'trainyard.job.id': jobId });
    const failed = attemptAt(first.id);
    expect(failed.status).toEqual({ code: 2, message: 'nonFinite' });
    expect(failed.attributes).toMatchObject({ 'trainyard.outcome': 'failed', 'error.type': 'nonFinite' });
    const retried = only(spans, 'POST /jobs/:id/retry');
    expect(attemptAt(retry.id).traceId).toBe(retried.traceId);
    expect(retried.traceId).not.toBe(failed.traceId);
    const swept = only(spans, 'POST /sweeps');
    expect(trials.map(({ rung }) => rung)).toEqual([1, 0, 0]);
    for (const { job } of trials) {
      expect(attemptAt(job).traceId).toBe(swept.traceId);
      expect(only(spans, 'queue job', { 'trainyard.job.id': job }).parentSpanId).toBe(swept.spanId);
    }
  });
});

describe('a webhook', () => {
  test('is sent in the trace of its job, with a span for each attempt that tells no address', async ({ receiver, start }) => {
    const hooks = await startReceiver((response, index) => void response.writeHead(index === 0 ? 503 : 204).end());
    try {
      const services = await start({ ...traced(receiver), TRAINYARD_WEBHOOK_PRIVATE: '1' });
      const address = `${hooks.url}?token=confidential`;
      const webhook = { url: address, secret: `whsec_${Buffer.alloc(24, 1).toString('base64')}` };
      const { id } = await post<Job>(`${services.url}/jobs`, { ...short, webhook }, { traceparent: `00-${traceId}-${callersSpan}-01` });
      await seen<Job>(`${services.url}/jobs/${id}`, (job) => job.webhook?.status === 'delivered');
      const log = await services.stop();

      const spans = spansOf(receiver).filter((span) => span.traceId === traceId);
      const queued = only(spans, 'queue job', { 'trainyard.job.id': id });
      for (const [number, status, error] of [
        [1, 503, '503'],
        [2, 204, undefined],
      ] as const) {
        const sent = only(spans, 'send webhook', { 'trainyard.webhook.attempt': number });
        expect([sent.parentSpanId, sent.service]).toEqual([queued.spanId, 'trainyard-api']);
        expect(sent.attributes).toMatchObject({ 'trainyard.job.id': id, 'http.response.status_code': status });
        expect([sent.attributes['error.type'], sent.status.code ?? 0]).toEqual([error, error === undefined ? 0 : 2]);
      }
      const told = log.filter(({ msg }) => msg === 'webhook');
      expect(told.map(({ status, trace_id }) => [status, trace_id])).toEqual([
        ['pending', traceId],
        ['delivered', traceId],
      ]);
      const all = receiver.received.map(({ body }) => body).join('\n');
      for (const kept of ['confidential', new URL(hooks.url).host, webhook.secret]) expect(all).not.toContain(kept);
      expect(hooks.received.map(({ headers }) => headers['traceparent'])).toEqual([undefined, undefined]);
    } finally {
      await hooks.close();
    }
  });
});

describe('a job that is handed to another worker', () => {
  test('stays in its trace, with a span for each attempt', async ({ receiver, start }) => {
    const services = await start(traced(receiver));
    const long = { ...short, data: { dataset: 'random', inputShape: [1, 32, 32], targetShape: [10], samples: 1_000 }, epochs: 10_000 };
    const { id } = await post<Job>(`${services.url}/jobs`, long);
    const url = `${services.url}/jobs/${id}`;
    await seen<Job>(url, ({ latest }) => latest !== null);
    await services.replaceWorker();
    const { latest } = await seen<Job>(url, (job) => job.attempts === 2);
    await seen<Job>(url, (job) => (job.latest?.epoch ?? 0) > (latest?.epoch ?? 0));
    await post(`${url}/cancel`, {});
    await ended<Job>(url);
    await services.stop();

    const spans = spansOf(receiver);
    const { traceId, spanId } = only(spans, 'queue job', { 'trainyard.job.id': id });
    for (const [number, outcome] of ['released', 'cancelled'].entries()) {
      const attempt = only(spans, 'train job', { 'trainyard.job.attempt': number + 1 });
      expect([attempt.traceId, attempt.parentSpanId]).toEqual([traceId, spanId]);
      expect(attempt.attributes['trainyard.outcome']).toBe(outcome);
      expect(spans.filter(({ name, parentSpanId }) => name === 'epoch' && parentSpanId === attempt.spanId)).not.toHaveLength(0);
    }
    const epochs = spans.filter(({ name }) => name === 'epoch').map(({ attributes }) => attributes['trainyard.epoch']);
    expect(new Set(epochs).size).toBe(epochs.length);
  });
});

describe('a receiver of traces', () => {
  test.for(['answers nobody', 'is not there'] as const)('that %s holds up neither a job nor a stop', async (how, { home, start }) => {
    const receiver = await startReceiver(() => undefined);
    if (how === 'is not there') await receiver.close();
    try {
      const services = await start(traced(receiver));
      const { id } = await post<Job>(`${services.url}/jobs`, short);
      expect((await ended<Job>(`${services.url}/jobs/${id}`)).status).toBe('succeeded');
      const redis = connectRedis(home.redis.url, { role: 'api' });
      expect(await redis.hget(redisKeys(servicePrefix).job(id), 'traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      await closeRedis(redis);
      // Longer than their grace, and they would have exited with another code.
      await services.stop();
    } finally {
      if (how === 'answers nobody') await receiver.close();
    }
  });
});

describe('without tracing', () => {
  test.for([
    ['no endpoint', () => ({ OTEL_SERVICE_NAME: 'quiet' })],
    ['a switch that is off', (receiver: Receiver) => ({ ...traced(receiver), OTEL_SDK_DISABLED: 'true' })],
  ] as const)('for %s nothing is sent, stored or logged of a trace', async ([, env], { home, receiver, start }) => {
    const services = await start(env(receiver));
    const { id } = await post<Job>(`${services.url}/jobs`, short, { traceparent: `00-${traceId}-${callersSpan}-01` });
    expect((await ended<Job>(`${services.url}/jobs/${id}`)).status).toBe('succeeded');
    const redis = connectRedis(home.redis.url, { role: 'api' });
    expect(await redis.hexists(redisKeys(servicePrefix).job(id), 'traceparent')).toBe(0);
    await closeRedis(redis);
    const log = await services.stop();
    expect(log.filter((line) => 'trace_id' in line)).toEqual([]);
    expect(receiver.received).toEqual([]);
  });
});
