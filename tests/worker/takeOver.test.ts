// Worker processes are killed, frozen and stopped, and other workers continue their jobs.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { echoMs } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { waitLimitMs } from '../support/hangLimits.ts';
import { hasEnded, until } from './fixtures/processes.ts';
import { childOf, workerTest as test } from './fixtures/workers.ts';

describe('a worker that is killed', () => {
  test('loses its job to another worker, and its child ends too', async ({ workers }) => {
    const first = await workers.spawn();
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:2 hold:${go} epochs:3 save`);
    await workers.untilEpoch(jobId, 2);
    const child = await childOf(first, jobId);
    const second = await workers.spawn();
    process.kill(first.pid, 'SIGKILL');
    await until('the end of its child', () => hasEnded(child));
    await childOf(second, jobId, 2);
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a worker that is frozen', () => {
  test('changes nothing when it continues after its job was taken over', async ({ workers }) => {
    const first = await workers.spawn();
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:2 hold:${go} epochs:3 save`);
    await workers.untilEpoch(jobId, 2);
    const child = await childOf(first, jobId);
    const second = await workers.spawn();
    process.kill(first.pid, 'SIGSTOP');
    await childOf(second, jobId, 2);
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 2 });
    const before = await workers.events(jobId);
    process.kill(first.pid, 'SIGCONT');
    await until('a log line about the dropped job', () => first.logs.some(({ msg }) => msg.startsWith('dropping the job')));
    await until('the end of its child', () => hasEnded(child));
    expect(await workers.events(jobId)).toEqual(before);
    expect(before.filter(({ event }) => event === 'epoch')).toHaveLength(5);
    process.kill(second.pid, 'SIGKILL');
    expect(await workers.ended(await workers.create('epochs:1 save'))).toMatchObject({ status: 'succeeded' });
  });
});

describe('a worker that is stopped', () => {
  test('lets a short running job finish, takes no other job, and exits 0', async ({ workers }) => {
    const worker = await workers.spawn({ closeGraceMs: waitLimitMs });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} save`);
    await workers.untilEpoch(jobId, 1);
    const next = await workers.create('epochs:1 save');
    process.kill(worker.pid, 'SIGTERM');
    await writeFile(go, '');
    expect(await worker.exited).toEqual([0, null]);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.jobs.store.get(next)).toMatchObject({ status: 'queued', attempts: 0 });
  });

  test('hands back a long running job, and another worker takes it at once', async ({ workers }) => {
    const first = await workers.spawn({ closeGraceMs: 200 });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:2 hold:${go} epochs:1 save`);
    await workers.untilEpoch(jobId, 2);
    const second = await workers.spawn();
    process.kill(first.pid, 'SIGTERM');
    await childOf(second, jobId, 2);
    expect(await first.exited).toEqual([0, null]);
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 2 });
    const statuses = (await workers.events(jobId)).flatMap((event) => (event.event === 'status' ? [event.data.status] : []));
    expect(statuses).toEqual(['queued', 'running', 'queued', 'running', 'succeeded']);
    // The job continued without waiting for the end of its lease.
    expect(second.logs.map(({ msg }) => msg)).not.toContainEqual(expect.stringContaining('the worker of these jobs is lost'));
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3]);
  });

  test('by two signals hands the job back at once', async ({ workers }) => {
    const worker = await workers.spawn({ closeGraceMs: 60_000 });
    const jobId = await workers.create('epochs:1 spin');
    await workers.untilEpoch(jobId, 1);
    process.kill(worker.pid, 'SIGTERM');
    await until('the first signal', () => worker.logs.some(({ msg }) => msg === 'taking no more jobs'));
    const heard = performance.now();
    await until('the end of the time in which a repeated signal is ignored', () => performance.now() - heard > 1.2 * echoMs);
    process.kill(worker.pid, 'SIGTERM');
    expect(await worker.exited).toEqual([0, null]);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'queued' });
  });

  test('by Ctrl-C in the whole process group does the same, because its children ignore the signal', async ({ workers }) => {
    const worker = await workers.spawn({ closeGraceMs: waitLimitMs });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} save`);
    await workers.untilEpoch(jobId, 1);
    process.kill(await childOf(worker, jobId), 'SIGINT');
    process.kill(worker.pid, 'SIGINT');
    await writeFile(go, '');
    expect(await worker.exited).toEqual([0, null]);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
  });

  test('by the end of its launcher does the same', async ({ workers }) => {
    const worker = await workers.spawn();
    worker.process.disconnect();
    expect(await worker.exited).toEqual([0, null]);
  });
});
