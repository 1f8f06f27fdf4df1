// Searches for request bodies of an allowed size that block the API's event loop for longest. It draws random bodies and changes the worst
// ones found so far. FUZZ_SEED sets the seed of the draws, FUZZ_SECONDS the duration of the search (default 60).
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { hangLimits } from '../support/hangLimits.ts';
import { metricsOf, result, startJob } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from '../api/fixtures/api.ts';
import { bodyWith, type Filling, kinds, placesOf } from './worstBodies.ts';
import { type WorstRequest, worstRequests } from './worstRequests.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 60);

/** The longest time that a request may block the event loop, in ms. */
const longestMs = 50;
/** The largest allowed body. */
const bodyBytes = 2 ** 20;
/** The number of worst candidates that are kept and changed. */
const kept = 20;
/** The number of times that each body is sent. The shortest delay counts, because other processes on the machine add delays too. */
const tries = 5;

interface Candidate {
  readonly request: WorstRequest;
  readonly fillings: readonly Filling[];
}

interface Measured extends Candidate {
  readonly delayMs: number;
}

/** Returns the longest delay of the event loop while the API handles a request, in ms. */
async function delayOf(api: TestApi, { request, fillings }: Candidate): Promise<number> {
  const payload = bodyWith(request.example, fillings, bodyBytes);
  const headers = { 'content-type': 'application/json', ...request.headers };
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  let shortest = Infinity;
  for (let i = 0; i < tries && shortest > longestMs / 2; i++) {
    histogram.reset();
    histogram.enable();
    await sleep(2);
    const response = await api.call({ method: 'POST', url: request.url, payload, headers });
    await sleep(2);
    histogram.disable();
    if (response.statusCode >= 500) throw new Error(`${request.url} answered ${response.statusCode} to ${JSON.stringify(fillings)}`);
    shortest = Math.min(shortest, histogram.max / 1e6);
  }
  return shortest;
}

const countsOfCopies = fc.oneof(fc.constant(Infinity), fc.constantFrom(9_900, 19_000), fc.integer({ min: 10, max: 20_000 }));

/** Draws a request and one to three fillings of its body. */
function candidates(requests: readonly WorstRequest[]): fc.Arbitrary<Candidate> {
  return fc.constantFrom(...requests).chain((request) => {
    const filling = fc.record({
      path: fc.constantFrom(...placesOf(request.example)),
      kind: fc.constantFrom(...kinds),
      most: countsOfCopies,
    });
    return fc.record({ request: fc.constant(request), fillings: fc.array(filling, { minLength: 1, maxLength: 3 }) });
  });
}

/** Draws a change of one filling: another number of copies, another kind or another place. */
function changes({ request, fillings }: Candidate): fc.Arbitrary<Candidate> {
  const places = placesOf(request.example);
  return fc
    .tuple(
      fc.nat(fillings.length - 1),
      fc.constantFrom('most', 'kind', 'path'),
      countsOfCopies,
      fc.constantFrom(...kinds),
      fc.constantFrom(...places),
    )
    .map(([index, field, most, kind, path]) => ({
      request,
      fillings: fillings.map((filling, i) => (i === index ? { ...filling, [field]: { most, kind, path }[field] } : filling)),
    }));
}

test('no request of an allowed size blocks the event loop for longer than 50 ms', {
  timeout: seconds * 1_000 + hangLimits.testTimeout,
}, async ({ api }) => {
  const attempt = await startJob(api.jobs);
  await attempt.appendEpoch(metricsOf(1));
  await attempt.finish({ status: 'succeeded', result });
  const drawn = candidates(worstRequests(attempt.jobId));
  const sample = (from: fc.Arbitrary<Candidate>, index: number): Candidate | undefined =>
    fc.sample(from, { seed: seed + index, numRuns: 1 })[0];
  let worst: Measured[] = [];
  let count = 0;
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; count++) {
    const parent = count % 3 === 0 ? undefined : worst[count % kept];
    const candidate = sample(parent === undefined ? drawn : changes(parent), count);
    if (candidate === undefined) continue;
    const measured = { ...candidate, delayMs: await delayOf(api, candidate) };
    worst = [...worst, measured].toSorted((a, b) => b.delayMs - a.delayMs).slice(0, kept);
  }
  const shown = worst.map(({ request, fillings, delayMs }) => `${delayMs.toFixed(0)} ms: ${request.url} ${JSON.stringify(fillings)}`);
  console.log(`event loop: seed ${seed}, ${count} bodies in ${seconds} s; the longest delays:\n${shown.slice(0, 5).join('\n')}`);
  expect(worst.filter(({ delayMs }) => delayMs > longestMs)).toEqual([]);
});
