// Tests one real training child whose training is scripted.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeDeath, type ReportedEvent, TrainingChild } from '@trainyard/worker';
import { afterEach, describe, expect, it } from 'vitest';
import { hasEnded, until } from './fixtures/processes.ts';
import { assignment, childOptions, stoppedBy, undisturbed } from './fixtures/scripted.ts';

const children: TrainingChild[] = [];

async function start(changes: Parameters<typeof childOptions>[0] = {}): Promise<TrainingChild> {
  const child = await TrainingChild.start(childOptions(changes));
  children.push(child);
  return child;
}

afterEach(async () => {
  const ended = children.splice(0);
  for (const child of ended) {
    child.kill();
  }
  await Promise.all(ended.map((child) => child.exited));
});

function epochsOf(events: ReportedEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'epoch' ? [event.epoch] : []));
}

describe('TrainingChild', () => {
  it('passes on the events of a job in order, and then takes the next job', async () => {
    const child = await start();
    for (const count of [3, 200]) {
      const events: ReportedEvent[] = [];
      const outcome = await child.train(assignment(`epochs:${count}`), (batch) => Promise.resolve(void events.push(...batch)), undisturbed);
      expect(outcome.kind).toBe('trained');
      expect(epochsOf(events)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    }
    expect(child.runs).toBe(2);
    expect(child.residentBytes).toBeGreaterThan(10e6);
  });

  it('ends a run after its last events are stored', async () => {
    const child = await start();
    let stored = 0;
    const outcome = child.train(
      assignment('epochs:50'),
      async (events) => {
        // Storing takes as long as the start of another child.
        await start();
        stored += events.length;
      },
      undisturbed,
    );
    expect((await outcome).kind).toBe('trained');
    expect(stored).toBe(50);
  });

  it('writes the model file to the path in the order', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-child-'));
    try {
      const file = join(folder, 'model.safetensors');
      const child = await start();
      expect((await child.train(assignment('save', file), () => Promise.resolve(), undisturbed)).kind).toBe('trained');
      expect(await readFile(file, 'utf8')).toBe('weights');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('stops when asked, and trains the next job afterwards', async () => {
    const child = await start();
    const stop = new AbortController();
    const outcome = child.train(
      assignment('epochs:1 wait:60000'),
      () => {
        stop.abort();
        return Promise.resolve();
      },
      stoppedBy(stop.signal),
    );
    expect(await outcome).toEqual({ kind: 'stopped' });
    expect((await child.train(assignment('epochs:1'), () => Promise.resolve(), undisturbed)).kind).toBe('trained');
  });

  it('pauses after the current step when asked, and trains the next job afterwards', async () => {
    const child = await start({ stopGraceMs: 1 });
    const pause = new AbortController();
    const outcome = child.train(
      assignment('epochs:1 wait:60000'),
      () => {
        pause.abort();
        return Promise.resolve();
      },
      { ...undisturbed, pause: pause.signal },
    );
    expect(await outcome).toEqual({ kind: 'paused' });
    expect((await child.train(assignment('epochs:1'), () => Promise.resolve(), undisturbed)).kind).toBe('trained');
  });

  it('is killed if it does not stop in time', async () => {
    const child = await start({ stopGraceMs: 200 });
    const stop = new AbortController();
    const outcome = child.train(
      assignment('epochs:1 spin'),
      () => {
        stop.abort();
        return Promise.resolve();
      },
      stoppedBy(stop.signal),
    );
    expect(await outcome).toMatchObject({ kind: 'died', death: { signal: 'SIGKILL' } });
    expect(hasEnded(child.pid)).toBe(true);
  });

  it('is killed if its events cannot be stored', async () => {
    const child = await start();
    await expect(child.train(assignment('epochs:1 spin'), () => Promise.reject(new Error('stale')), undisturbed)).rejects.toThrow('stale');
    await child.exited;
  });

  it('reports a run as failed without a stack or a path', async () => {
    const child = await start();
    const outcome = await child.train(assignment('throw', '/secret/folder/model'), () => Promise.resolve(), undisturbed);
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'internal', epoch: null, step: null } });
    expect(outcome.kind === 'failed' && outcome.error.message).not.toContain('/secret');
    expect(outcome.kind === 'failed' && outcome.detail).toContain('/secret');
  });

  it('distinguishes a kill, an exit and an exhausted heap', async () => {
    const ends = await Promise.all(
      ['kill', 'exit:3', 'fill'].map(async (script) => {
        const child = await start();
        const outcome = await child.train(assignment(`epochs:1 ${script}`), () => Promise.resolve(), undisturbed);
        return outcome.kind === 'died' ? describeDeath(outcome.death) : undefined;
      }),
    );
    expect(ends.map((end) => end?.code)).toEqual(['childKilled', 'childCrashed', 'outOfMemory']);
    expect(ends[1]?.message).toContain('exit code 3');
  });

  it('stores the events that a child sent before its death, and then ends the run', async () => {
    const child = await start();
    const events: ReportedEvent[] = [];
    const outcome = await child.train(
      assignment('epochs:1 wait:50 kill'),
      async (batch) => {
        await child.exited;
        events.push(...batch);
      },
      undisturbed,
    );
    expect(outcome.kind).toBe('died');
    expect(epochsOf(events)).toEqual([1]);
  });

  it('reports why it could not be started', async () => {
    await expect(TrainingChild.start(childOptions({ script: new URL('./fixtures/missing.ts', import.meta.url) }))).rejects.toThrow(
      /ended with exit code 1 before it was ready: .*missing/s,
    );
  });

  it.each(['spin', 'wait:60000'])('ends by itself when its parent is killed during %s', async (script) => {
    const parent = fork(new URL('./fixtures/parent.ts', import.meta.url), [script]);
    const [pid] = (await once(parent, 'message')) as [number];
    parent.kill('SIGKILL');
    await until('the end of the child', () => hasEnded(pid));
  });
});
