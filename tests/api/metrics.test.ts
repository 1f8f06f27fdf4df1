// The metrics of a job's epochs, as JSON and as CSV.
import { jobMetrics } from '@trainyard/contracts';
import { expect } from 'vitest';
import { metricsOf, startJob } from '../support/jobs.ts';
import { apiTest as test } from './fixtures/api.ts';

test('are there for every epoch so far, in order', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  expect((await api.get(`/jobs/${attempt.jobId}/metrics`)).json()).toEqual({ epochs: [] });
  for (const epoch of [1, 2, 3]) await attempt.appendEpoch(metricsOf(epoch));
  const response = await api.get(`/jobs/${attempt.jobId}/metrics`);
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  expect(jobMetrics.parse(response.json())).toEqual({ epochs: [metricsOf(1), metricsOf(2), metricsOf(3)] });
});

test('come as CSV for those who ask, with what is not finite by name and what does not exist left empty', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  await attempt.appendEpoch(metricsOf(1));
  await attempt.appendEpoch({ ...metricsOf(2), trainLoss: null, nonFinite: { trainLoss: 'nan' } });
  const response = await api.get(`/jobs/${attempt.jobId}/metrics`, { accept: 'text/csv' });
  expect(response.headers['content-type']).toBe('text/csv; charset=utf-8');
  const [header = '', first = '', second = '', end] = response.body.split('\r\n');
  const columns = header.split(',');
  expect(header).toBe('epoch,trainLoss,testLoss,testAccuracy,learningRate,seconds,samplesPerSecond,gradientNorm');
  expect(columns.toSorted()).toEqual(Object.keys(metricsOf(1)).toSorted());
  const row = (line: string) => Object.fromEntries(line.split(',').map((value, index) => [columns[index], value]));
  expect(row(first)).toEqual({
    epoch: '1',
    trainLoss: '1',
    testLoss: '',
    testAccuracy: '',
    learningRate: '0.01',
    seconds: '0.25',
    samplesPerSecond: '4',
    gradientNorm: '1.5',
  });
  expect(row(second)).toMatchObject({ epoch: '2', trainLoss: 'nan' });
  expect(end).toBe('');
});

test.for([
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['text/*', 'text/csv'],
  ['text/csv, application/json', 'text/csv'],
  ['application/json, text/csv', 'application/json'],
  ['text/csv;q=0.5, application/json', 'application/json'],
  ['application/json;q=0, */*', 'text/csv'],
  ['text/html, application/xhtml+xml, */*;q=0.8', 'application/json'],
] as const)('Accept: %s gets %s', async ([accept, type], { api }) => {
  const attempt = await startJob(api.jobs);
  const response = await api.get(`/jobs/${attempt.jobId}/metrics`, accept === undefined ? {} : { accept });
  expect(response.headers['content-type']).toContain(type);
  expect(response.headers['vary']).toBe('accept');
});
