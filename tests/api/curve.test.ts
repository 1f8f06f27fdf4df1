// Tests GET /jobs/{id}/curve: the picture of a job's metrics. sharp draws it, so that the tests can look at its pixels.
import { type EpochMetrics, type Job, jobSchema, type Problem } from '@trainyard/contracts';
import sharp from 'sharp';
import { describe, expect } from 'vitest';
import { claim, metricsOf } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { ada, bob, make, quotaTest } from './fixtures/quotas.ts';
import { tutorial } from './fixtures/spec.ts';

async function trained(api: TestApi, epochs: readonly Partial<EpochMetrics>[], more: object = {}): Promise<Job> {
  const response = await api.post('/jobs', { ...tutorial, epochs: Math.max(1, epochs.length), ...more });
  const job = jobSchema.parse(response.json());
  const attempt = await claim(api.jobs, job.id);
  for (const [at, metrics] of epochs.entries()) await attempt.appendEpoch({ ...metricsOf(at + 1), ...metrics });
  return job;
}

async function draw(api: TestApi, id: string, query = ''): Promise<string> {
  const response = await api.get(`/jobs/${id}/curve${query}`);
  expect(response.statusCode, response.body).toBe(200);
  expect(response.headers['content-type']).toBe('image/svg+xml; charset=utf-8');
  await sharp(Buffer.from(response.body)).png().toBuffer();
  return response.body;
}

const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text = '']) => text);
const pathsOf = (svg: string): string[] => [...svg.matchAll(/<path d="([^"]*)"/g)].map(([, path = '']) => path);

describe('GET /jobs/{id}/curve', () => {
  test('draws the loss of every epoch, from the first on the left to the last on the right', async ({ api }) => {
    const { id } = await trained(api, [{ trainLoss: 4 }, { trainLoss: 1 }, { trainLoss: 0 }], { name: 'A < B & C' });
    const svg = await draw(api, id);
    expect(svg).toContain('<title>A &lt; B &amp; C</title>');
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['epoch', 'loss', '0.0', '4.0', '1', '2', '3', 'trainLoss']));
    // The axis of the loss is from 0 at y = 352 to 4 at y = 48.
    expect(pathsOf(svg)).toEqual(['M72.0 48.0L386.0 276.0L700.0 352.0']);
  });

  test('adds the test loss as a dashed line, and draws one metric alone if it is named', async ({ api }) => {
    const { id } = await trained(api, [
      { trainLoss: 2, testLoss: 3, testAccuracy: 0.5 },
      { trainLoss: 1, testLoss: 2, testAccuracy: 0.75 },
    ]);
    const both = await draw(api, id);
    expect(pathsOf(both)).toHaveLength(2);
    expect(textsOf(both)).toEqual(expect.arrayContaining(['trainLoss', 'testLoss']));
    const one = await draw(api, id, '?metric=testAccuracy');
    expect(pathsOf(one)).toEqual(['M72.0 352.0L700.0 48.0']);
    expect(textsOf(one)).toContain('0.50');
  });

  test('lays the curves of other jobs over it, with their names and another colour', async ({ api }) => {
    const first = await trained(api, [{ trainLoss: 2 }, { trainLoss: 1 }], { name: 'first' });
    const second = await trained(api, [{ trainLoss: 3 }], { name: 'second' });
    const svg = await draw(api, first.id, `?metric=trainLoss&with=${second.id}`);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['first, second', 'first: trainLoss', 'second: trainLoss']));
    // A line to its own place is drawn as a dot.
    expect(pathsOf(svg)[1]).toBe('M72.0 48.0h0');
    expect(new Set(svg.match(/stroke="#[0-9a-f]{6}" stroke-width/g)).size).toBe(2);
  });

  test('leaves a gap where a value is not finite', async ({ api }) => {
    const gap = { trainLoss: null, nonFinite: { trainLoss: 'nan' as const } };
    const { id } = await trained(api, [{ trainLoss: 1 }, { trainLoss: 0 }, gap, { trainLoss: 1 }]);
    expect(pathsOf(await draw(api, id))[0]).toMatch(/^M72\.0 48\.0L281\.3 352\.0M700\.0 48\.0h0$/);
    const { id: never } = await trained(api, [gap]);
    expect(textsOf(await draw(api, never))).toContain('No epoch has a finite value.');
  });

  test('says so if no epoch has ended, and draws a loss that never changes in the middle', async ({ api }) => {
    const { id } = await trained(api, []);
    expect(textsOf(await draw(api, id))).toContain('No epoch has ended yet.');
    const { id: constant } = await trained(api, [{ trainLoss: 5 }, { trainLoss: 5 }]);
    expect(pathsOf(await draw(api, constant))).toEqual(['M72.0 200.0L700.0 200.0']);
  });

  test('draws a long run with few points, and keeps its highest and lowest value', async ({ api }) => {
    const epochs = Array.from({ length: 1_400 }, (_, at) => ({ trainLoss: at === 634 ? 9 : at === 1_045 ? -9 : Math.sin(at / 50) }));
    const { id } = await trained(api, epochs);
    const [path = ''] = pathsOf(await draw(api, id));
    const points = [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
    expect(points.length).toBeLessThanOrEqual(1_280);
    expect(points.length).toBeGreaterThan(320);
    const at = (epoch: number): number => 72 + ((700 - 72) * (epoch - 1)) / 1_399;
    const [highest] = points.toSorted((a, b) => a[1] - b[1]);
    const lowest = points.toSorted((a, b) => a[1] - b[1]).at(-1);
    expect(highest?.[0]).toBeCloseTo(at(635), 1);
    expect(lowest?.[0]).toBeCloseTo(at(1_046), 1);
    expect(points.map(([x]) => x)).toEqual(points.map(([x]) => x).toSorted((a, b) => a - b));
  });

  test('refuses an unknown metric and too many jobs, and does not find an unknown job', async ({ api }) => {
    const { id } = await trained(api, []);
    const other = id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    for (const [query, status, words] of [
      ['?metric=loss', 422, 'trainLoss'],
      [`?with=${Array.from({ length: 8 }, () => other).join(',')}`, 422, 'at most 7'],
      [`?with=${other}`, 404, ''],
    ] as const) {
      const response = await api.get(`/jobs/${id}/curve${query}`);
      expect(response.statusCode, query).toBe(status);
      expect(response.json<Problem>().detail).toContain(words);
    }
  });
});

quotaTest('the curve of another key is a 404, also in a picture with a curve of its own', async ({ open }) => {
  const api = await open({});
  const [own, foreign] = [await make(api, ada), await make(api, bob)];
  expect((await api.get(`/jobs/${foreign.id}/curve`, ada)).statusCode).toBe(404);
  expect((await api.get(`/jobs/${own.id}/curve?with=${foreign.id}`, ada)).statusCode).toBe(404);
  expect((await api.get(`/jobs/${own.id}/curve`, ada)).statusCode).toBe(200);
});
