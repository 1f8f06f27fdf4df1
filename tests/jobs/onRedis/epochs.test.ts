// Tests the history of a job: it has each epoch once and in order, even if epochs are sent repeatedly or by several attempts.
import { hasEndedBy, JobsError } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { appendLine, claim, metricsOf, openJobs, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

describe('an epoch', () => {
  test('is added to the stream, the record and the metrics together', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await attempt.setPhase('training');
    await attempt.publishStep({ epoch: 1, step: 1, stepsPerEpoch: 1, loss: 1 });
    const appended = await attempt.appendEpoch(metricsOf(1));
    expect(appended).toEqual({ outcome: 'appended', id: expect.stringMatching(/^\d+-\d+$/) as string });
    const { data } = await jobs.log.range(attempt.jobId, { limit: 10, types: ['epoch'] });
    const { epoch, ...measured } = metricsOf(1);
    expect(data).toEqual([
      {
        id: appended.outcome === 'appended' ? appended.id : '',
        event: 'epoch',
        data: { jobId: attempt.jobId, epoch, epochs: 20, ...measured },
      },
    ]);
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({
      latest: metricsOf(1),
      progress: { epoch: 1, epochs: 20, step: 1, stepsPerEpoch: 1, etaSeconds: expect.any(Number) as number },
    });
    expect(await jobs.log.epochs(attempt.jobId)).toEqual([metricsOf(1)]);
  });

  test('with a value that is not finite is valid JSON and names that value', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await attempt.appendEpoch({ ...metricsOf(1), trainLoss: null, nonFinite: { trainLoss: 'nan' } });
    expect(await jobs.log.epochs(attempt.jobId)).toMatchObject([{ trainLoss: null, nonFinite: { trainLoss: 'nan' } }]);
  });

  test('that a later attempt sends again is stored once, and the attempt continues after it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const first = await startJob(jobs);
    for (const epoch of [1, 2, 3]) await first.appendEpoch(metricsOf(epoch));
    const second = await claim(jobs, first.jobId);
    for (const epoch of [1, 2, 3]) expect(await second.appendEpoch(metricsOf(epoch))).toEqual({ outcome: 'duplicate' });
    expect(await second.appendEpoch(metricsOf(4))).toMatchObject({ outcome: 'appended' });
    expect((await jobs.log.epochs(first.jobId)).map((metrics) => metrics.epoch)).toEqual([1, 2, 3, 4]);
  });

  test('from a frozen worker whose job was taken over is refused', async ({ redis }) => {
    const jobs = openJobs(redis);
    const frozen = await startJob(jobs);
    await claim(jobs, frozen.jobId);
    expect(await frozen.appendEpoch(metricsOf(1))).toEqual({ outcome: 'stale' });
    expect(await jobs.log.epochs(frozen.jobId)).toEqual([]);
    expect(await jobs.store.get(frozen.jobId)).toMatchObject({ latest: null });
  });

  test('that is sent many times at once is stored once', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const outcomes = await Promise.all(Array.from({ length: 10 }, async () => await attempt.appendEpoch(metricsOf(1))));
    expect(outcomes.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
    expect(await jobs.log.epochs(attempt.jobId)).toHaveLength(1);
  });

  test('after a missing epoch is refused with an error, so that the history has no gap', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await attempt.appendEpoch(metricsOf(1));
    const mistake = await attempt.appendEpoch(metricsOf(3)).catch((thrown: unknown) => thrown);
    expect(mistake).toBeInstanceOf(JobsError);
    expect(mistake).toMatchObject({ code: 'epochGap' });
    expect(await jobs.log.epochs(attempt.jobId)).toHaveLength(1);
  });

  test('is accepted while the job is being cancelled, but not after the cancellation', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.act('cancel', attempt.jobId);
    expect(await attempt.appendEpoch(metricsOf(1))).toMatchObject({ outcome: 'appended' });
    await attempt.finish({ status: 'cancelled' });
    expect(await attempt.appendEpoch(metricsOf(2))).toEqual({ outcome: 'stale' });
  });
});

describe('a crash loop', () => {
  test('fails the job after three attempts in a row without a new epoch', async ({ redis }) => {
    const jobs = openJobs(redis);
    const { jobId } = await startJob(jobs);
    await claim(jobs, jobId);
    await claim(jobs, jobId);
    expect(await jobs.store.claim(jobId, 'worker-4')).toEqual({ outcome: 'crashLoop' });
    expect(await jobs.store.get(jobId)).toMatchObject({ status: 'failed', attempts: 3, error: { code: 'crashLoop' } });
    expect(await jobs.store.claim(jobId, 'worker-5')).toEqual({ outcome: 'refused', status: 'failed' });
  });

  test('does not occur as long as attempts store new epochs', async ({ redis }) => {
    const jobs = openJobs(redis);
    let attempt = await startJob(jobs);
    for (let epoch = 1; epoch <= 8; epoch++) {
      for (let done = 1; done <= epoch; done++) await attempt.appendEpoch(metricsOf(done));
      attempt = await claim(jobs, attempt.jobId);
    }
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: 'running', attempts: 9 });
  });

  test('also occurs if the attempts only send epochs that are already stored', async ({ redis }) => {
    const jobs = openJobs(redis);
    let attempt = await startJob(jobs);
    await attempt.appendEpoch(metricsOf(1));
    for (let crash = 1; crash <= 3; crash++) {
      attempt = await claim(jobs, attempt.jobId);
      expect(await attempt.appendEpoch(metricsOf(1))).toEqual({ outcome: 'duplicate' });
    }
    expect(await jobs.store.claim(attempt.jobId, 'worker-5')).toEqual({ outcome: 'crashLoop' });
  });
});

describe('a step', () => {
  test('updates the progress, and is ignored in an epoch that is already stored', async ({ redis }) => {
    const jobs = openJobs(redis);
    const first = await startJob(jobs);
    expect(await first.publishStep({ epoch: 1, step: 5, stepsPerEpoch: 10, loss: 0.5 })).toBe('published');
    expect(await jobs.store.get(first.jobId)).toMatchObject({ progress: { epoch: 1, step: 5, stepsPerEpoch: 10 } });
    await first.appendEpoch(metricsOf(1));
    const second = await claim(jobs, first.jobId);
    expect(await second.publishStep({ epoch: 1, step: 2, stepsPerEpoch: 10, loss: 0.5 })).toBe('duplicate');
    expect(await jobs.store.get(first.jobId)).toMatchObject({ progress: { epoch: 1, step: 10 } });
    expect(await first.publishStep({ epoch: 2, step: 1, stepsPerEpoch: 10, loss: 0.5 })).toBe('stale');
  });
});

describe('the stored events', () => {
  test('are read in pages of any size, each event once and in order, with or without a filter by type', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    for (let epoch = 1; epoch <= 7; epoch++) {
      await attempt.appendEpoch(metricsOf(epoch));
      await appendLine(attempt, 'info', `epoch ${epoch} is done`);
    }
    for (const types of [undefined, ['epoch'] as const, ['status', 'log'] as const]) {
      const choice = types === undefined ? {} : { types };
      const whole = await jobs.log.range(attempt.jobId, { limit: 100, ...choice });
      expect(whole.nextCursor).toBeNull();
      expect(whole.data.length).toBe(types === undefined ? 16 : types.length === 1 ? 7 : 9);
      for (const limit of [1, 2, 7, 16]) {
        const paged: string[] = [];
        let after: string | null = null;
        do {
          const page = await jobs.log.range(attempt.jobId, { limit, ...choice, ...(after === null ? {} : { after }) });
          expect(page.data.length).toBeLessThanOrEqual(limit);
          paged.push(...page.data.map((event) => event.id));
          after = page.nextCursor;
        } while (after !== null);
        expect(paged).toEqual(whole.data.map((event) => event.id));
      }
    }
  });

  test('of an ended job end after its final event and not before', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const isAtEnd = async (id: string): Promise<boolean | null> => {
      const head = await jobs.log.head(attempt.jobId);
      return head && hasEndedBy(head, id);
    };
    expect(await isAtEnd('99999999999999-0')).toBe(false);
    await attempt.finish({ status: 'failed', error: { code: 'nonFinite', message: 'the loss is nan', epoch: null, step: null } });
    const { data } = await jobs.log.range(attempt.jobId, { limit: 100 });
    const [first, last] = [data[0]?.id ?? '', data.at(-1)?.id ?? ''];
    expect(await isAtEnd(first)).toBe(false);
    expect(await isAtEnd(last)).toBe(true);
    expect(await jobs.log.head(attempt.jobId)).toEqual({ owner: 'ada', finalId: last, lastId: last });
    expect(await jobs.log.head('job_01JZZZZZZZZZZZZZZZZZZZZZZZ')).toBeNull();
  });
});

test('the remaining time is estimated from the progress of this attempt, without the progress of the checkpoint', async ({ redis }) => {
  const jobs = openJobs(redis);
  const first = await startJob(jobs);
  for (let epoch = 1; epoch <= 10; epoch++) await first.appendEpoch(metricsOf(epoch));
  await first.storeCheckpoint({ epoch: 10, step: 0, bytes: 1 }, 'checkpoint-1-1.safetensors');
  const second = await claim(jobs, first.jobId);
  const eta = async () => (await jobs.store.get(first.jobId))?.progress.etaSeconds;
  await second.setPhase('training');
  await second.publishStep({ epoch: 11, step: 1, stepsPerEpoch: 4, loss: 1 });
  expect(await eta()).toBeNull();
  const began = performance.now();
  while (performance.now() - began < 100) await second.setPhase('training');
  await second.publishStep({ epoch: 11, step: 2, stepsPerEpoch: 4, loss: 1 });
  // A quarter of an epoch took more than 0.1 s, and 9.5 epochs remain: more than 3.8 s. If the estimate counted the ten epochs of the
  // checkpoint, it would be 0.1 s.
  expect(await eta()).toBeGreaterThan(3.5);
});

describe('a log line', () => {
  const messagesOf = async (jobs: ReturnType<typeof openJobs>, jobId: string): Promise<string[]> => {
    const { data } = await jobs.log.range(jobId, { limit: 100, types: ['log'] });
    return data.flatMap((event) => (event.event === 'log' ? [event.data.message] : []));
  };

  test('that is sent again with its number is stored once, also after later lines', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const outcomes = await Promise.all(Array.from({ length: 5 }, async () => await attempt.appendLog('info', 'first', 1)));
    expect(outcomes.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
    expect(await attempt.appendLog('info', 'second', 2)).toMatchObject({ outcome: 'appended' });
    expect(await attempt.appendLog('info', 'first', 1)).toEqual({ outcome: 'duplicate' });
    expect(await messagesOf(jobs, attempt.jobId)).toEqual(['first', 'second']);
  });

  test('has a number that is counted in each attempt, starting with 1', async ({ redis }) => {
    const jobs = openJobs(redis);
    const first = await startJob(jobs);
    await first.appendLog('info', 'of the first attempt', 1);
    const second = await claim(jobs, first.jobId);
    expect(await second.appendLog('info', 'of the second attempt', 1)).toMatchObject({ outcome: 'appended' });
    expect(await first.appendLog('info', 'too late', 2)).toEqual({ outcome: 'stale' });
    const messages = await messagesOf(jobs, first.jobId);
    expect(messages.filter((message) => !message.startsWith('attempt'))).toEqual(['of the first attempt', 'of the second attempt']);
  });
});
