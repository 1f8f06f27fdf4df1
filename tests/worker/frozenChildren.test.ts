// Freezes a training process at each stage of a job, and while it has no job.
import { TrainingChild } from '@trainyard/worker';
import { describe, expect, test } from 'vitest';
import { describeChildDeaths } from './fixtures/childDeaths.ts';
import { assignment, childOptions, undisturbed } from './fixtures/scripted.ts';

describeChildDeaths('SIGSTOP');

describe('a frozen training child', () => {
  test('is killed, and its death is reported as frozen, also while it computes', async () => {
    const child = await TrainingChild.start(childOptions({ heartbeatTimeoutMs: 1_000 }));
    const outcome = child.train(assignment('spin'), () => Promise.resolve(), undisturbed);
    process.kill(child.pid, 'SIGSTOP');
    expect(await outcome).toMatchObject({ kind: 'died', death: { isFrozen: true, signal: 'SIGKILL' } });
  });

  test('is distinguished from a child that computes for longer than the heartbeat time-out', async () => {
    const child = await TrainingChild.start(childOptions({ heartbeatTimeoutMs: 10_000 }));
    const stop = new AbortController();
    const outcome = child.train(assignment('compute:13000'), () => Promise.resolve(), { ...undisturbed, stop: stop.signal });
    expect(await outcome).toMatchObject({ kind: 'trained' });
    child.kill();
    await child.exited;
  });
});
