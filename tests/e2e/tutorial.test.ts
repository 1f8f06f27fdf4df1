// Runs the tutorial as a job. All ways to read its losses give PyTorch's losses, and a client can disconnect from the stream and reconnect.
import { readFile } from 'node:fs/promises';
import { eventPage, jobEventSchema, jobMetrics } from '@trainyard/contracts';
import { describe, expect } from 'vitest';
import { z } from 'zod';
import { openStream, type StreamClient } from '../api/fixtures/eventSource.ts';
import { readConformance } from '../conformance/conformanceDir.ts';
import { machineTest as test } from './fixtures/processes.ts';
import { startService } from './fixtures/start.ts';

const tutorial: unknown = JSON.parse(await readFile(new URL('../../docs/examples/tutorial.json', import.meta.url), 'utf8'));

const tutorialRuns = z.array(z.object({ seed: z.number(), kernel_size: z.number(), 'sgd_lr0.01_losses': z.array(z.number()).length(20) }));

/** PyTorch's 20 losses for the seed and the kernel size of the spec. */
function pytorchLosses(): number[] {
  const run = tutorialRuns.parse(readConformance('runs_tutorial.json')).find(({ seed, kernel_size: kernel }) => seed === 0 && kernel === 5);
  if (run === undefined) throw new Error('runs_tutorial.json has no run with seed 0 and kernels of 5');
  return run['sgd_lr0.01_losses'];
}

/** Returns the largest relative difference, or Infinity if the lengths differ. */
function relativeDistance(actual: readonly (number | null)[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(...expected.map((value, index) => Math.abs((actual[index] ?? Number.NaN) - value) / Math.abs(value)));
}

function epochsOf({ events }: StreamClient) {
  return events.flatMap(({ id, event, data }) => {
    if (event !== 'epoch') return [];
    const parsed = jobEventSchema.parse({ id, event, data: JSON.parse(data) as unknown });
    return parsed.event === 'epoch' ? [{ id, epoch: parsed.data.epoch, trainLoss: parsed.data.trainLoss }] : [];
  });
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('the tutorial as a job', () => {
  test("gives PyTorch's losses in the stream, by polling and in the metrics", async ({ machine }) => {
    const { url, submit, finished } = await startService(machine);
    const id = await submit(tutorial);
    const stream = await openStream(`${url}/jobs/${id}/events`);
    await stream.ended();
    expect((await finished(id)).status).toBe('succeeded');

    const streamed = epochsOf(stream).map(({ trainLoss }) => trainLoss);
    expect(relativeDistance(streamed, pytorchLosses())).toBeLessThan(1e-5);

    const polled = eventPage.parse(await (await fetch(`${url}/jobs/${id}/events?type=epoch`)).json()).data;
    expect(polled.map((event) => (event.event === 'epoch' ? event.data.trainLoss : null))).toEqual(streamed);
    const metrics = jobMetrics.parse(await (await fetch(`${url}/jobs/${id}/metrics`)).json()).epochs;
    expect(metrics.map(({ trainLoss }) => trainLoss)).toEqual(streamed);
  });

  test('sends each epoch once to a client that lost its connection in between', async ({ machine }) => {
    const { url, submit } = await startService(machine);
    const id = await submit(tutorial);
    const first = await openStream(`${url}/jobs/${id}/events`);
    await first.until((client) => epochsOf(client).some(({ epoch }) => epoch === 7));
    first.leave();
    const seen = epochsOf(first).slice(0, 7);
    expect(seen.map(({ epoch }) => epoch)).toEqual(range(1, 7));

    const second = await openStream(`${url}/jobs/${id}/events`, { 'last-event-id': seen[6]?.id ?? '' });
    await second.ended();
    expect(epochsOf(second).map(({ epoch }) => epoch)).toEqual(range(8, 20));
    const last = second.events.at(-1);
    expect(last).toMatchObject({ event: 'status' });

    const third = await openStream(`${url}/jobs/${id}/events`, { 'last-event-id': last?.id ?? '' });
    expect(third.status).toBe(204);
  });
});
