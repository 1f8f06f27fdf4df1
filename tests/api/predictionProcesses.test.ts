// The processes that predict: they start early, are replaced after a crash, free large networks, and end with their parent.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { peakMemoryOf } from '../support/peakMemory.ts';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { predictableJob, specOn } from './fixtures/predictionJobs.ts';
import {
  asAda,
  asBob,
  canWatchProcesses,
  openPredicting,
  predictors,
  slow,
  slowBody,
  small,
  smallBody,
} from './fixtures/predictionService.ts';

describe.skipIf(!canWatchProcesses)('a process', () => {
  redisTest(
    'for another key starts after the first prediction, so that this key does not wait for its start',
    async ({ redis, onTestFinished }) => {
      const api = await openPredicting(redis, {}, onTestFinished);
      const [path, other] = [await predictableJob(api, small), await predictableJob(api, small)];
      expect((await asAda(api, path, smallBody)).statusCode).toBe(200);
      await until(() => predictors().length === 2);
      const both = predictors();
      expect((await asBob(api, other, smallBody)).statusCode).toBe(200);
      expect(predictors()).toEqual(both);
    },
  );

  redisTest('that is killed while it predicts is replaced, and the prediction is computed again', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, {}, onTestFinished);
    const path = await predictableJob(api, slow);
    const expected = (await asAda(api, path, slowBody)).json<unknown>();
    const [first] = predictors();
    /**
     * Sends a request and kills the process while it predicts. Returns the response, or null if the process was not killed because the
     * response had already arrived. This may happen on a busy machine.
     */
    const killWhileBusy = async (): Promise<LightMyRequestResponse | null> => {
      let isAnswered = false;
      const answer = asAda(api, path, slowBody).finally(() => {
        isAnswered = true;
      });
      await until(() => isAnswered || isBusy(first ?? 0));
      const isKilled = !isAnswered && process.kill(first ?? 0, 'SIGKILL');
      const response = await answer;
      return isKilled ? response : null;
    };
    let response = await killWhileBusy();
    while (response === null) response = await killWhileBusy();
    expect([response.statusCode, response.json<unknown>()]).toEqual([200, expected]);
    await until(() => !predictors().includes(first ?? 0));
  });

  redisTest('that is killed again and again leads to a 503, and the next prediction succeeds', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, {}, onTestFinished);
    const path = await predictableJob(api, small);
    let isAnswered = false;
    const answer = asAda(api, path, smallBody).finally(() => {
      isAnswered = true;
    });
    await until(() => {
      if (!isAnswered) for (const pid of predictors()) process.kill(pid, 'SIGKILL');
      return isAnswered;
    });
    const { statusCode, headers } = await answer;
    expect([statusCode, headers['retry-after']]).toEqual([503, '5']);
    expect((await asAda(api, path, smallBody)).statusCode).toBe(200);
  });

  redisTest('that is killed while it is idle is replaced', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, {}, onTestFinished);
    const path = await predictableJob(api, small);
    const expected = (await asAda(api, path, smallBody)).json<unknown>();
    for (const pid of predictors()) process.kill(pid, 'SIGKILL');
    await until(() => predictors().length === 0);
    const again = await asAda(api, path, smallBody);
    expect([again.statusCode, again.json<unknown>()]).toEqual([200, expected]);
  });

  redisTest('frees a network at once if it is too large to keep', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, { predictions: { cacheBytes: 1e6 } }, onTestFinished);
    const path = await predictableJob(api, specOn([1_000], 4_000, [{ type: 'linear', outFeatures: 4_000 }]));
    const body = { inputs: [Array.from({ length: 1_000 }, () => 0.5)] };
    for (let i = 0; i < 8; i++) expect((await asAda(api, path, body)).statusCode).toBe(200);
    const [pid] = predictors();
    // The weights of the network need 16 MB, and 32 MB while they are loaded. Eight networks in the cache would need 128 MB.
    expect(peakMemoryOf(pid ?? 0)).toBeLessThan(134e6 + 2 * 16e6);
  });
});

describe.skipIf(!canWatchProcesses)('the program that predicts', () => {
  const start = (memoryBytes: number): ChildProcess =>
    fork(
      new URL('../../services/api/dist/predict/predictProcess.js', import.meta.url),
      [JSON.stringify({ memoryBytes, cacheBytes: 1e6 })],
      {
        silent: true,
      },
    );

  redisTest('kills itself when it uses more memory than allowed, and says why', async () => {
    const program = start(10e6);
    let said = '';
    program.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    expect(await once(program, 'close')).toEqual([null, 'SIGKILL']);
    expect(said).toMatch(/^out of memory: \d+ bytes are in use, but at most 10000000 are allowed$/m);
  });

  redisTest('ends without its parent', async () => {
    const program = start(1e9);
    await once(program, 'message');
    program.disconnect();
    expect(await once(program, 'exit')).toEqual([1, null]);
  });
});

/** Returns whether a process is computing now. */
const isBusy = (pid: number): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] === 'R';
