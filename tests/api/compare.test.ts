// Tests GET /compare: several jobs with their metrics and the differences of their specs, on a real Redis.
import { type Job, jobComparison, jobSchema, type Problem } from '@trainyard/contracts';
import { describe, expect } from 'vitest';
import { claim, metricsOf } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { ada, bob, make, quotaTest, root } from './fixtures/quotas.ts';
import { tutorial } from './fixtures/spec.ts';

async function create(api: TestApi, more: object = {}): Promise<Job> {
  const response = await api.post('/jobs', { ...tutorial, ...more });
  expect(response.statusCode, response.body).toBe(202);
  return jobSchema.parse(response.json());
}

async function compare(api: TestApi, query: string, headers: Record<string, string> = {}) {
  const response = await api.get(`/compare?${query}`, headers);
  expect(response.statusCode, response.body).toBe(200);
  return jobComparison.parse(response.json()).jobs;
}

const idsOf = (jobs: readonly { readonly id: string }[]): string => jobs.map(({ id }) => id).join(',');

describe('GET /compare', () => {
  test('shows the metrics of each job, and only the values that differ, in the order of the request', async ({ api }) => {
    const [sgd, adam] = [
      await create(api, { name: 'first', labels: { team: 'a' }, seed: 1, optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 } }),
      await create(api, { seed: 2, optimizer: { type: 'adam', learningRate: 0.1 } }),
    ];
    const attempt = await claim(api.jobs, sgd.id);
    await attempt.appendEpoch(metricsOf(1));
    await attempt.appendEpoch(metricsOf(2));
    const [second, first] = await compare(api, `jobs=${adam.id},${sgd.id}`);
    expect(first).toMatchObject({ id: sgd.id, name: 'first', status: 'running' });
    expect(first?.metrics).toEqual([metricsOf(1), metricsOf(2)]);
    expect(second).toMatchObject({ id: adam.id, name: tutorial.name, status: 'queued', metrics: [] });
    expect(first?.differences).toMatchObject({
      '/seed': 1,
      '/optimizer/type': 'sgd',
      '/optimizer/momentum': 0.9,
      '/optimizer/betas': null,
    });
    expect(second?.differences).toMatchObject({
      '/seed': 2,
      '/optimizer/type': 'adam',
      '/optimizer/momentum': null,
      '/optimizer/betas': [0.9, 0.999],
    });
    expect(Object.keys(first?.differences ?? {}).toSorted()).toEqual(Object.keys(second?.differences ?? {}).toSorted());
    for (const path of Object.keys(first?.differences ?? {})) expect(path).toMatch(/^\/(seed|optimizer\/(?!learningRate))/);
  });

  test('compares layers of equally deep networks one by one, and other networks as a whole', async ({ api }) => {
    const data = { dataset: 'random', inputShape: [4], targetShape: [3], samples: 2 };
    const network = (...features: number[]) => ({
      data,
      seed: 1,
      model: { layers: features.map((outFeatures) => ({ type: 'linear', outFeatures })) },
    });
    const jobs = [await create(api, network(4, 3))];
    jobs.push(await create(api, network(5, 3)));
    expect((await compare(api, `jobs=${idsOf(jobs)}`)).map(({ differences }) => differences)).toEqual([
      { '/model/layers/0/outFeatures': 4 },
      { '/model/layers/0/outFeatures': 5 },
    ]);
    jobs.push(await create(api, network(3)));
    const whole = await compare(api, `jobs=${idsOf(jobs)}`);
    expect(whole.map(({ differences }) => differences)).toEqual(jobs.map(({ spec }) => ({ '/model/layers': spec.model.layers })));
  });

  test('of jobs with equal specs shows no differences', async ({ api }) => {
    const jobs = [await create(api, { seed: 1, name: 'a' }), await create(api, { seed: 1, labels: { b: 'c' } })];
    expect((await compare(api, `jobs=${idsOf(jobs)}`)).map(({ differences }) => differences)).toEqual([{}, {}]);
  });

  test('takes the newest 20 jobs with a label', async ({ api }) => {
    const jobs: Job[] = [];
    for (let seed = 0; seed < 21; seed += 1) jobs.push(await create(api, { seed, labels: { team: 'a' } }));
    await create(api);
    const compared = await compare(api, 'label=team:a');
    expect(idsOf(compared)).toBe(idsOf(jobs.slice(1).toReversed()));
    expect(compared[0]?.differences).toEqual({ '/seed': 20 });
    expect(await compare(api, 'label=team:none')).toEqual([]);
  });

  test('refuses a query without jobs, with too many, and with what is no id', async ({ api }) => {
    const { id } = await create(api);
    const many = Array.from({ length: 21 }, () => id).join(',');
    for (const [query, message] of [
      ['', 'needs either jobs or label, and not both'],
      [`jobs=${id}&label=a:b`, 'needs either jobs or label, and not both'],
      [`jobs=${many}`, 'has 21 jobs: at most 20 are allowed'],
      [`jobs=${id},${id}`, `${id} is listed twice`],
      [`jobs=${id},5`, '"5" is not the id of a job'],
      ['jobs=', '"" is not the id of a job'],
    ] as const) {
      const response = await api.get(`/compare?${query}`);
      expect(response.statusCode, query).toBe(422);
      expect(response.json<Problem>().errors).toEqual([{ path: '?jobs', code: 'invalidValue', message }]);
    }
    const gone = id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const response = await api.get(`/compare?jobs=${id},${gone}`);
    expect(response.statusCode).toBe(404);
    expect(response.json<Problem>().detail).toContain(gone);
  });

  test('refuses to compare specs that are too long together, and says how many fit', async ({ api }) => {
    const features = 15_000;
    const spec = {
      ...tutorial,
      data: { dataset: 'random', inputShape: [1], targetShape: [features], samples: 1 },
      model: { layers: [{ type: 'linear', outFeatures: features }, { type: 'sigmoid' }] },
      loss: { type: 'bce', weight: Array.from({ length: features }, (_, at) => (at + 1) / 7) },
    };
    const jobs: Job[] = [];
    for (let at = 0; at < 9; at += 1) jobs.push(await create(api, spec));
    const response = await api.get(`/compare?jobs=${idsOf(jobs)}`);
    expect(response.statusCode, response.body.slice(0, 300)).toBe(422);
    const most = Number(/compare at most (\d) of them/.exec(response.json<Problem>().detail)?.[1]);
    expect(most).toBeGreaterThan(0);
    expect(await compare(api, `jobs=${idsOf(jobs.slice(0, most))}`)).toHaveLength(most);
  });
});

quotaTest('a job of another key is a 404 in a comparison, unless the key is an admin', async ({ open }) => {
  const api = await open({});
  const [own, other] = [await make(api, ada), await make(api, bob)];
  expect(idsOf(await compare(api, `jobs=${other.id},${own.id}`, root))).toBe(`${other.id},${own.id}`);
  expect((await api.get(`/compare?jobs=${own.id},${other.id}`, ada)).statusCode).toBe(404);
  expect(idsOf(await compare(api, `jobs=${own.id}`, ada))).toBe(own.id);
});
