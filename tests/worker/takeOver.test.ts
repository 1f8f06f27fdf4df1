// Worker processes that are killed, frozen and told to end, and what becomes of their jobs.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { echoMs } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { hasEnded, until } from './fixtures/processes.ts';
import { childOf, workerTest as test } from './fixtures/workers.ts';

describe('a worker that is killed', () => {
  test('has its job taken over, and its child ends with it', async ({ workers }) => {
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
  test('does no harm when it wakes up after its job was taken over', async ({ workers }) => {
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
    await until('that it drops the job', () => first.logs.some(({ msg }) => msg.includes('dropping it')));
    await until('the end of its child', () => hasEnded(child));
    expect(await workers.events(jobId)).toEqual(before);
    expect(before.filter(({ event }) => event === 'epoch')).toHaveLength(5);
    process.kill(second.pid, 'SIGKILL');
    expect(await workers.ended(await workers.create('epochs:1 save'))).toMatchObject({ status: 'succeeded' });
  });
});

describe('a worker that is told to end', () => {
  test('finishes the job in hand when that is done soon, takes no other, and exits 0', async ({ workers }) => {
    const worker = await workers.spawn({ closeGraceMs: 10_000 });
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

  test('hands the job back when it is not, so that another worker has it at once', async ({ workers }) => {
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
    // Nobody had to find out that its lease had run out.
    expect(second.logs.map(({ msg }) => msg)).not.toContainEqual(expect.stringContaining('had lost their worker'));
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3]);
  });

  test('a second time does not wait any longer', async ({ workers }) => {
    const worker = await workers.spawn({ closeGraceMs: 60_000 });
    const jobId = await workers.create('epochs:1 spin');
    await workers.untilEpoch(jobId, 1);
    process.kill(worker.pid, 'SIGTERM');
    await until('that it has heard', () => worker.logs.some(({ msg }) => msg === 'taking no more jobs'));
    const heard = performance.now();
    await until('that the next signal is no echo of the first', () => performance.now() - heard > 1.2 * echoMs);
    process.kill(worker.pid, 'SIGTERM');
    expect(await worker.exited).toEqual([0, null]);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'queued' });
  });

  test('by a Ctrl-C to the whole process group does the same, as its children leave that to it', async ({ workers }) => {
    const worker = await workers.spawn({ closeGraceMs: 10_000 });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} save`);
    await workers.untilEpoch(jobId, 1);
    process.kill(await childOf(worker, jobId), 'SIGINT');
    process.kill(worker.pid, 'SIGINT');
    await writeFile(go, '');
    expect(await worker.exited).toEqual([0, null]);
    expect(await workers.jobs.store.get(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
  });

  test('by the end of its launcher does so too', async ({ workers }) => {
    const worker = await workers.spawn();
    worker.process.disconnect();
    expect(await worker.exited).toEqual([0, null]);
  });
});
