// Tests retry and fork over HTTP, on a real Redis. No worker runs: the tests write what a worker would write.
// tests/worker/successors.test.ts tests that the new job ends with the same bits.
import { type Job, jobMetrics, jobSchema, type Problem } from '@trainyard/contracts';
import { checkSpec } from '@trainyard/engine/spec';
import { redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, createJob, metricsOf, result, spec } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';

const unknownJob = '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';
const error = { code: 'diskFull', message: 'no room', epoch: null, step: null };

/** A job with two epochs and a checkpoint in its third, which then ended, unless it is to run. */
async function makeJob(api: TestApi, ending: 'failed' | 'cancelled' | 'succeeded' | 'running'): Promise<string> {
  const attempt = await claim(api.jobs, await createJob(api.jobs));
  for (const epoch of [1, 2]) await attempt.appendEpoch(metricsOf(epoch));
  await api.artifacts.putBytes(attempt.jobId, 'checkpoint-1-1.safetensors', Buffer.from('a checkpoint'));
  await attempt.storeCheckpoint({ epoch: 2, step: 3, bytes: 12 }, 'checkpoint-1-1.safetensors');
  await attempt.appendEpoch(metricsOf(3));
  if (ending === 'cancelled') await api.jobs.store.act('cancel', attempt.jobId);
  if (ending === 'failed') await attempt.finish({ status: ending, error });
  else if (ending !== 'running') await attempt.finish(ending === 'cancelled' ? { status: ending } : { status: ending, result });
  return attempt.jobId;
}

const post = async (api: TestApi, id: string, action: 'retry' | 'fork', body?: unknown, headers?: Record<string, string>) =>
  body === undefined
    ? await api.call({ method: 'POST', url: `/jobs/${id}/${action}`, headers: headers ?? {} })
    : await api.post(`/jobs/${id}/${action}`, body, headers);

async function made(api: TestApi, id: string, action: 'retry' | 'fork', body?: unknown): Promise<Job> {
  const response = await post(api, id, action, body);
  expect(response.statusCode, response.body).toBe(202);
  const job = jobSchema.parse(response.json());
  expect(response.headers['location']).toBe(`/jobs/${job.id}`);
  expect((await api.get(`/jobs/${job.id}`)).json()).toEqual(job);
  return job;
}

/** That the job begins with what the other one's checkpoint holds, and needs the other one no more. */
async function expectBegun(api: TestApi, { id }: Job, parent: string): Promise<void> {
  if ((await api.jobs.store.get(parent))?.finishedAt !== null) {
    expect((await api.call({ method: 'DELETE', url: `/jobs/${parent}` })).statusCode).toBe(204);
  }
  expect(await api.artifacts.names(id)).toEqual(['checkpoint-0-1.safetensors']);
  const { epochs } = jobMetrics.parse((await api.get(`/jobs/${id}/metrics`)).json());
  expect(epochs).toEqual([metricsOf(1), metricsOf(2)]);
  const claimed = await api.jobs.store.claim(id, 'worker-1');
  expect(claimed).toMatchObject({ outcome: 'claimed', checkpoint: 'checkpoint-0-1.safetensors' });
  if (claimed.outcome === 'claimed') expect(await claimed.attempt.appendEpoch(metricsOf(3))).toMatchObject({ outcome: 'appended' });
}

describe('POST /jobs/{id}/retry', () => {
  test.for(['failed', 'cancelled'] as const)(
    'makes a new job of one that is %s, which goes on from its checkpoint',
    async (ending, { api }) => {
      const id = await makeJob(api, ending);
      const before = await api.jobs.store.get(id);
      const job = await made(api, id, 'retry');
      expect(job).toMatchObject({ status: 'queued', retryOf: id, forkOf: null, attempts: 0, error: null, finishedAt: null });
      expect(job).toMatchObject({ spec: before?.spec, checkpoint: { epoch: 2, step: 3 }, latest: metricsOf(2), progress: { epoch: 2 } });
      expect(await api.jobs.store.get(id)).toEqual(before);
      await expectBegun(api, job, id);
    },
  );

  test('begins at the start where there is no checkpoint, or where its file is gone', async ({ api }) => {
    const fresh = await createJob(api.jobs);
    await api.jobs.store.act('cancel', fresh);
    expect(await made(api, fresh, 'retry')).toMatchObject({ checkpoint: null, latest: null, retryOf: fresh });
    const lost = await makeJob(api, 'failed');
    await api.artifacts.deleteJob(lost);
    const job = await made(api, lost, 'retry');
    expect(job).toMatchObject({ checkpoint: null, latest: null });
    expect(jobMetrics.parse((await api.get(`/jobs/${job.id}/metrics`)).json()).epochs).toEqual([]);
  });

  test('makes one job of requests with one idempotency key, and leaves nothing of the others', async ({ api, redis }) => {
    const id = await makeJob(api, 'failed');
    const key = { 'idempotency-key': 'again' };
    const answers = await Promise.all(Array.from({ length: 6 }, async () => await post(api, id, 'retry', undefined, key)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 6 }, () => 202));
    expect(new Set(answers.map((answer) => answer.json<Job>().id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(5);
    expect(await redis.connect().keys(`${redisKeys(redis.prefix).tag}:events:*`)).toHaveLength(2);
    expect(await redis.connect().exists(redisKeys(redis.prefix).reservedFiles)).toBe(0);
    expect((await api.post('/jobs', { ...spec, seed: 4 }, key)).statusCode).toBe(422);
  });

  test.for(['running', 'succeeded'] as const)('is refused with 409 for a job that is %s', async (ending, { api }) => {
    const response = await post(api, await makeJob(api, ending), 'retry');
    expect(response.statusCode).toBe(409);
    expect(response.json<Problem>()).toMatchObject({ code: 'wrongState', detail: expect.stringContaining(ending) as string });
  });

  test('has no fields, and answers 404 for a job that is not there', async ({ api }) => {
    const response = await post(api, await makeJob(api, 'failed'), 'retry', { epochs: 3 });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/epochs', code: 'unknownField' }]);
    expect((await api.call({ method: 'POST', url: `${unknownJob}/retry` })).statusCode).toBe(404);
  });
});

describe('POST /jobs/{id}/fork', () => {
  test.for(['running', 'succeeded', 'failed', 'cancelled'] as const)(
    'makes a new job of one that is %s, with the changed fields',
    async (ending, { api }) => {
      const id = await makeJob(api, ending);
      const changes = { name: 'slower', epochs: 40, optimizer: { type: 'adam', learningRate: 0.001 }, priority: 7 };
      const job = await made(api, id, 'fork', changes);
      expect(job).toMatchObject({ status: 'queued', forkOf: id, retryOf: null, name: 'slower', checkpoint: { epoch: 2, step: 3 } });
      expect(job.spec).toMatchObject({ ...changes, seed: spec.seed, data: spec.data, model: spec.model });
      expect(job.progress).toMatchObject({ epoch: 2, epochs: 40 });
      await expectBegun(api, job, id);
    },
  );

  test('replaces whole fields, and leaves out what is null', async ({ api }) => {
    const id = await createJob(api.jobs, { name: 'first', labels: { team: 'a', stage: 'one' } });
    const attempt = await claim(api.jobs, id);
    await api.artifacts.putBytes(id, 'checkpoint-1-1.safetensors', Buffer.from('a checkpoint'));
    await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: 12 }, 'checkpoint-1-1.safetensors');
    expect(await made(api, id, 'fork')).toMatchObject({ name: 'first', labels: { team: 'a', stage: 'one' } });
    expect(await made(api, id, 'fork', { name: null, labels: { stage: 'two' } })).toMatchObject({ name: null, labels: { stage: 'two' } });
  });

  test('of another length recomputes the defaults that depend on the length', async ({ api }) => {
    const body = { ...spec, scheduler: { type: 'oneCycle', maxLearningRate: 0.1 } };
    const first = checkSpec(body).spec;
    const id = await createJob(api.jobs, first);
    const attempt = await claim(api.jobs, id);
    await api.artifacts.putBytes(id, 'checkpoint-1-1.safetensors', Buffer.from('a checkpoint'));
    await attempt.storeCheckpoint({ epoch: 0, step: 1, bytes: 12 }, 'checkpoint-1-1.safetensors');
    expect((await made(api, id, 'fork')).spec).toEqual(first);
    const longer = await made(api, id, 'fork', { epochs: 2 * first.epochs });
    expect(longer.spec.scheduler).toEqual(checkSpec({ ...body, epochs: 2 * first.epochs }).spec.scheduler);
    expect(longer.spec.scheduler).not.toEqual(first.scheduler);
    const other = await made(api, id, 'fork', { optimizer: { type: 'adagrad', learningRate: 0.1 } });
    expect(other.spec.scheduler).toMatchObject({ cycleMomentum: false });
    const scheduler = { type: 'oneCycle', maxLearningRate: 0.1, totalSteps: 2 };
    const refused = await post(api, id, 'fork', { epochs: 2 * first.epochs, scheduler });
    expect(refused.json<Problem>().errors).toMatchObject([{ path: '/scheduler/totalSteps' }]);
  });

  test('takes another model whose weights are the same', async ({ api }) => {
    const id = await makeJob(api, 'succeeded');
    const model = { layers: [...spec.model.layers, { type: 'tanh' }] };
    expect((await made(api, id, 'fork', { model })).spec.model.layers).toMatchObject([{ type: 'linear' }, { type: 'tanh' }]);
  });

  test.for([
    [{ epoch: 3 }, '/epoch', 'unknownField', /epochs/],
    [{ epoch: null }, '/epoch', 'unknownField', /epochs/],
    [{ optimizer: null }, '/optimizer', 'required', /required/],
    [{ epochs: 2 }, '/epochs', 'tooSmall', /at least 3/],
    [
      {
        model: {
          layers: [
            { type: 'linear', outFeatures: 3 },
            { type: 'linear', outFeatures: 2 },
          ],
        },
      },
      '/model',
      'weightsMismatch',
      /"0.weight" has shape \[2, 4\]/,
    ],
    [{ data: { ...spec.data, inputShape: [5] } }, '/data', 'weightsMismatch', /"0.weight"/],
  ] as const)('is refused with 422 for %j', async ([changes, path, code, message], { api, redis }) => {
    const id = await makeJob(api, 'succeeded');
    const response = await post(api, id, 'fork', changes);
    expect(response.statusCode).toBe(422);
    const problem = response.json<Problem>();
    expect(problem).toMatchObject({ code: 'invalidSpec', errors: [{ path, code }] });
    expect(problem.errors?.[0]?.message).toMatch(message);
    expect(await redis.connect().exists(redisKeys(redis.prefix).reservedFiles)).toBe(0);
    expect((await api.jobs.store.list({ limit: 10 })).data).toHaveLength(1);
  });

  test('is refused with 422 for a body that is no object', async ({ api }) => {
    expect((await post(api, await makeJob(api, 'succeeded'), 'fork', [1])).statusCode).toBe(422);
  });

  test('is refused with 409 for a job without a checkpoint, and with 404 for one that is not there', async ({ api }) => {
    const response = await post(api, await createJob(api.jobs), 'fork', {});
    expect(response.statusCode).toBe(409);
    expect(response.json<Problem>()).toMatchObject({ code: 'wrongState', detail: expect.stringMatching(/no checkpoint/) as string });
    expect((await api.post(`${unknownJob}/fork`, {})).statusCode).toBe(404);
  });
});

test('what was put by for a job that was never made is removed after an hour, and not before', async ({ api, redis }) => {
  const jobId = api.jobs.store.newId();
  await api.reservedFiles.reserve(jobId);
  await api.artifacts.putBytes(jobId, 'checkpoint-0-1.safetensors', Buffer.from('a checkpoint'));
  expect(await api.reservedFiles.sweep()).toBe(0);
  expect(await api.artifacts.names(jobId)).toHaveLength(1);
  expect(await api.reservedFiles.sweep(Date.now() + 3_601_000)).toBe(1);
  expect(await api.artifacts.names(jobId)).toEqual([]);
  await expect(api.jobs.store.create({ jobId, spec, owner: 'ada' })).rejects.toMatchObject({ code: 'reservationExpired' });
  expect(await redis.connect().exists(redisKeys(redis.prefix).list())).toBe(0);
});
