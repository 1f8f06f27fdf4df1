// Tests the limit of the log of a job. Removing old log events does not affect other events.
import { redisKeys } from '@trainyard/jobs';
import { expect } from 'vitest';
import { appendLine, claim, metricsOf, openJobs, result, startJob } from '../support/jobs.ts';
import { hasRedisProcess, redisTest } from '../support/redis.ts';

// Skipped on the embedded Redis, because these tests would take minutes there.
const test = redisTest.skipIf(!hasRedisProcess);

const kept = 10_000;

test('a job keeps its newest 10,000 log events, including a notice about the limit, and all events of other types', async ({ redis }) => {
  const jobs = openJobs(redis);
  const attempt = await startJob(jobs);
  let line = 0;
  const say = async (count: number): Promise<void> => {
    await Promise.all(Array.from({ length: count }, async () => await appendLine(attempt, 'info', `line ${(line += 1)}`)));
  };
  for (let epoch = 1; epoch <= 6; epoch++) {
    await say(1_700);
    await attempt.appendEpoch(metricsOf(epoch));
  }
  // When another worker claims the job, a log event is written too.
  const second = await claim(jobs, attempt.jobId, 'worker-2');
  await second.finish({ status: 'succeeded', result });

  const { data } = await jobs.log.range(attempt.jobId, { limit: 20_000 });
  const logs = data.flatMap((event) => (event.event === 'log' ? [event.data.message] : []));
  expect(logs).toHaveLength(kept);
  const notices = logs.filter((message) => message.startsWith('This job has'));
  expect(notices).toEqual(['This job has more than 10000 log events. From now on each new log event removes the oldest one.']);
  const lines = logs.filter((message) => message.startsWith('line'));
  // Two of the 10,000 log events are not lines of this test: the notice and the take-over.
  expect(lines).toEqual(Array.from({ length: kept - 2 }, (_, index) => `line ${line - (kept - 2) + index + 1}`));
  expect(data.flatMap((event) => (event.event === 'epoch' ? [event.data.epoch] : []))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(data.flatMap((event) => (event.event === 'status' ? [event.data.status] : []))).toEqual(['queued', 'running', 'succeeded']);
});

test('log events that an older version wrote are counted too', async ({ redis }) => {
  const jobs = openJobs(redis);
  const attempt = await startJob(jobs);
  const pipeline = redis.connect().pipeline();
  const data = JSON.stringify({ jobId: attempt.jobId, level: 'info', message: 'earlier' });
  for (let at = 0; at < kept + 50; at++) pipeline.xadd(redisKeys(redis.prefix).events(attempt.jobId), '*', 'event', 'log', 'data', data);
  await pipeline.exec();
  await appendLine(attempt, 'info', 'later');
  const { data: events } = await jobs.log.range(attempt.jobId, { limit: 20_000 });
  expect(events.filter(({ event }) => event === 'log')).toHaveLength(kept);
  expect(events.flatMap((event) => (event.event === 'log' && event.data.message === 'later' ? [1] : []))).toHaveLength(1);
  expect(events.filter(({ event }) => event === 'status')).toHaveLength(2);
});
