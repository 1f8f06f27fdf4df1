// Tests PATCH /jobs/{id}: the name, the labels and the notes of a job, on a real Redis.
import { type Job, jobPage, jobSchema, type Problem } from '@trainyard/contracts';
import { engineVersion } from '@trainyard/engine/spec';
import { describe, expect } from 'vitest';
import { claim, result } from '../support/jobs.ts';
import { memoryOfJobs, storedInRedis } from '../support/storedBytes.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { ada, bob, expectRefused, make, quotaTest, shown } from './fixtures/quotas.ts';
import { tutorial } from './fixtures/spec.ts';

async function create(api: TestApi, more: object = {}): Promise<Job> {
  const response = await api.post('/jobs', { ...tutorial, ...more });
  expect(response.statusCode, response.body).toBe(202);
  return jobSchema.parse(response.json());
}

const patch = async (api: TestApi, id: string, payload: object, headers = {}) =>
  await api.call({ method: 'PATCH', url: `/jobs/${id}`, payload, headers });

async function listed(api: TestApi, label: string): Promise<string[]> {
  return jobPage.parse((await api.get(`/jobs?label=${label}`)).json()).data.map(({ id }) => id);
}

describe('PATCH /jobs/{id}', () => {
  test('changes only the fields that the body has, and shows them in the job and in its spec', async ({ api }) => {
    const { id, spec } = await create(api, { name: 'first', labels: { team: 'a' } });
    const response = await patch(api, id, { notes: '# Try\n*again* with a lower rate 学習率' });
    expect(response.statusCode, response.body).toBe(200);
    const noted = jobSchema.parse(response.json());
    expect(noted).toMatchObject({ name: 'first', labels: { team: 'a' }, notes: '# Try\n*again* with a lower rate 学習率' });
    const renamed = jobSchema.parse((await patch(api, id, { name: 'second', labels: { team: 'b', goal: 'f1' } })).json());
    expect(renamed).toEqual({
      ...noted,
      name: 'second',
      labels: { team: 'b', goal: 'f1' },
      spec: { ...spec, name: 'second', labels: { team: 'b', goal: 'f1' } },
    });
    expect((await api.get(`/jobs/${id}`)).json()).toEqual(renamed);
  });

  test('removes the name and the notes with null, and all labels with an empty object', async ({ api }) => {
    const { id } = await create(api, { name: 'first', labels: { team: 'a' } });
    await patch(api, id, { notes: 'to do' });
    const job = jobSchema.parse((await patch(api, id, { name: null, labels: {}, notes: null })).json());
    expect(job).toMatchObject({ name: null, labels: {}, notes: null });
    expect(job.spec).not.toHaveProperty('name');
    expect(await listed(api, 'team:a')).toEqual([]);
  });

  test('moves the job to the lists of its new labels, in every status, where it stays in the order of creation', async ({ api }) => {
    const jobs = [await create(api, { labels: { team: 'b' } }), await create(api, { labels: { team: 'a' } }), await create(api)];
    const [old, moved, newest] = jobs.map(({ id }) => id) as [string, string, string];
    const attempt = await claim(api.jobs, moved);
    for (const id of [moved, newest]) await patch(api, id, { labels: { team: 'b' } });
    expect(await listed(api, 'team:a')).toEqual([]);
    expect(await listed(api, 'team:b')).toEqual([newest, moved, old]);
    expect(await listed(api, 'team:b&status=running')).toEqual([moved]);
    await attempt.finish({ status: 'succeeded', result });
    expect(await listed(api, 'team:b&status=running')).toEqual([]);
    expect(await listed(api, 'team:b&status=succeeded')).toEqual([moved]);
    await patch(api, moved, { labels: { team: 'c' } });
    expect(await listed(api, 'team:b&status=succeeded')).toEqual([]);
    expect((await api.call({ method: 'DELETE', url: `/jobs/${moved}` })).statusCode).toBe(204);
    expect(await listed(api, 'team:c')).toEqual([]);
  });

  test('keeps a job reusable for the same spec', async ({ api }) => {
    const first = await create(api);
    await (await claim(api.jobs, first.id)).finish({ status: 'succeeded', result: { ...result, engineVersion } });
    await patch(api, first.id, { name: 'renamed', labels: { kept: 'yes' }, notes: 'the best' });
    const again = await api.post('/jobs', { ...tutorial, reuse: true });
    expect(again.json<Job>()).toMatchObject({ id: first.id, name: 'renamed', notes: 'the best' });
  });

  test('gives a retry the name and the labels, but not the notes', async ({ api }) => {
    const { id } = await create(api);
    await patch(api, id, { name: 'tried', labels: { team: 'a' }, notes: 'why it failed' });
    await api.call({ method: 'POST', url: `/jobs/${id}/cancel` });
    const retried = await api.call({ method: 'POST', url: `/jobs/${id}/retry` });
    expect(jobSchema.parse(retried.json())).toMatchObject({ name: 'tried', labels: { team: 'a' }, notes: null });
  });

  test('makes both of two changes that two processes get at the same time', async ({ api, redis }) => {
    const other = await openApi(redis);
    const { id } = await create(api);
    const changes = Array.from({ length: 10 }, async (_, at) => {
      await Promise.all([patch(api, id, { name: `name ${at}` }), patch(other, id, { notes: `note ${at}` })]);
    });
    await Promise.all(changes);
    const last = await Promise.all([patch(api, id, { name: 'last' }), patch(other, id, { labels: { team: 'z' } })]);
    expect(last.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    const job = jobSchema.parse((await api.get(`/jobs/${id}`)).json());
    expect(job).toMatchObject({ name: 'last', labels: { team: 'z' } });
    expect(job.notes).toMatch(/^note \d$/);
    await other.close();
  });

  test.for([
    ['an empty body', {}, '', 'needs at least one of name, labels and notes'],
    ['an unknown field', { name: 'x', note: 'y' }, '/note', 'notes'],
    ['an empty name', { name: '' }, '/name', ''],
    ['33 labels', { labels: Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`k${at}`, 'v'])) }, '/labels', 'at most 32'],
    ['a label that is not text', { labels: { team: 3 } }, '/labels/team', ''],
    ['notes that are too long', { notes: 'x'.repeat(10_241) }, '/notes', '10240'],
  ] as const)('answers %s with a 422 that names the place, and changes nothing', async ([, body, path, words], { api }) => {
    const before = await create(api);
    const response = await patch(api, before.id, body);
    expect(response.statusCode, response.body).toBe(422);
    const { errors = [] } = response.json<Problem>();
    expect(errors.map((error) => error.path)).toEqual([path]);
    expect(errors[0]?.message).toContain(words);
    expect((await api.get(`/jobs/${before.id}`)).json()).toEqual(before);
  });
});

describe('the notes of a job', () => {
  quotaTest('count for the quotas, which refuse more of them and not less', async ({ open, redis }) => {
    const api = await open({});
    const { id } = await make(api);
    const response = await patch(api, id, { notes: 'x'.repeat(5_000), name: 'a longer name' }, ada);
    expect(response.statusCode, response.body).toBe(200);
    const { storageBytes, redisBytes } = await shown(api);
    expect(storageBytes.used).toBe(await storedInRedis(redis));
    expect(redisBytes.used).toBe(await memoryOfJobs(redis));
    const bounded = await open({ storageBytes: storageBytes.used + 100, redisBytes: redisBytes.used + 50 });
    expectRefused(await patch(bounded, id, { notes: 'x'.repeat(5_060) }, ada), 413, 'of Redis memory');
    expectRefused(await patch(bounded, id, { notes: 'x'.repeat(6_000) }, ada), 413);
    expect((await patch(bounded, id, { notes: 'short' }, ada)).statusCode).toBe(200);
    expect((await shown(api)).storageBytes.used).toBe(await storedInRedis(redis));
    expect((await api.get(`/jobs/${id}`, ada)).json<Job>().notes).toBe('short');
  });

  quotaTest('of another key cannot be read or changed', async ({ open }) => {
    const api = await open({});
    const { id } = await make(api);
    expect((await patch(api, id, { notes: 'mine now' }, bob)).statusCode).toBe(404);
    expect((await api.get(`/jobs/${id}`, ada)).json<Job>().notes).toBeNull();
  });
});
