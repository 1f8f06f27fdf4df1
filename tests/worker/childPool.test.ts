// Tests the pool with real children whose training is scripted.
import { ChildPool, type PoolOptions, TrainingChild } from '@trainyard/worker';
import { afterEach, describe, expect, it } from 'vitest';
import { hasEnded, until } from './fixtures/processes.ts';
import { assignment, childOptions, undisturbed } from './fixtures/scripted.ts';

const never = new AbortController().signal;
const pools: ChildPool[] = [];

function open(changes: Partial<PoolOptions> = {}): { pool: ChildPool; started: TrainingChild[]; errors: unknown[] } {
  const started: TrainingChild[] = [];
  const errors: unknown[] = [];
  const pool = new ChildPool({
    size: 1,
    start: async () => {
      const child = await TrainingChild.start(childOptions());
      started.push(child);
      return child;
    },
    runsPerChild: 100,
    residentBytesLimit: 1e9,
    onStartError: (error) => errors.push(error),
    ...changes,
  });
  pools.push(pool);
  return { pool, started, errors };
}

async function train(child: TrainingChild, script: string): Promise<string> {
  return (await child.train(assignment(script), () => Promise.resolve(), undisturbed)).kind;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('ChildPool', () => {
  it('keeps one more warm child than there are concurrent jobs', async () => {
    const { pool, started } = open({ size: 2 });
    await until('three warm children', () => pool.idle === 3);
    const child = await pool.acquire(never);
    expect(pool.idle).toBe(2);
    pool.release(child);
    expect(pool.idle).toBe(3);
    expect(started).toHaveLength(3);
  });

  it('gives the most recently used child to the next job', async () => {
    const { pool } = open();
    await until('two warm children', () => pool.idle === 2);
    const first = await pool.acquire(never);
    expect(await train(first, 'epochs:1')).toBe('trained');
    pool.release(first);
    expect(await pool.acquire(never)).toBe(first);
    pool.release(first);
  });

  it('gives a job another child at once when its child was killed, and starts another spare', async () => {
    const { pool, started } = open();
    await until('two warm children', () => pool.idle === 2);
    const victim = await pool.acquire(never);
    expect(await train(victim, 'kill')).toBe('died');
    pool.release(victim);
    expect(pool.idle).toBe(1);
    const next = await pool.acquire(never);
    expect(next).not.toBe(victim);
    pool.release(next);
    await until('two warm children', () => pool.idle === 2);
    expect(started).toHaveLength(3);
  });

  it('replaces a child that died without a job', async () => {
    const { pool, started } = open();
    await until('two warm children', () => pool.idle === 2);
    process.kill(started[0]?.pid ?? 0, 'SIGKILL');
    await until('a third child', () => started.length === 3);
    await until('two warm children', () => pool.idle === 2);
  });

  it('replaces a child after the maximum number of jobs', async () => {
    const { pool } = open({ runsPerChild: 2 });
    const child = await pool.acquire(never);
    await train(child, 'epochs:1');
    pool.release(child);
    expect(await pool.acquire(never)).toBe(child);
    await train(child, 'epochs:1');
    pool.release(child);
    await child.exited;
    const next = await pool.acquire(never);
    expect(next).not.toBe(child);
    pool.release(next);
  });

  it('replaces a child that holds too much memory after a job', async () => {
    const { pool } = open({ residentBytesLimit: 1_000 });
    const child = await pool.acquire(never);
    await train(child, 'epochs:1');
    pool.release(child);
    await child.exited;
  });

  it('gives a starting child to the job that waits for it', async () => {
    const { pool, started } = open();
    const child = await pool.acquire(never);
    expect(started).toContain(child);
    pool.release(child);
  });

  it('reports a child that cannot start, and retries', async () => {
    let broken = true;
    const { pool, errors } = open({
      start: () => {
        const script = new URL(broken ? './fixtures/missing.ts' : './fixtures/scriptedChild.ts', import.meta.url);
        return TrainingChild.start(childOptions({ script }));
      },
    });
    await until('a reported error', () => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: 'childStart' });
    broken = false;
    const child = await pool.acquire(never);
    expect(await train(child, 'epochs:1')).toBe('trained');
    pool.release(child);
  });

  it('leaves no process after it was closed, also while children start and train', async () => {
    const { pool, started } = open();
    const child = await pool.acquire(never);
    const outcome = train(child, 'spin');
    await pool.close();
    expect(await outcome).toBe('died');
    expect(started.length).toBeGreaterThan(0);
    expect(started.filter(({ pid }) => !hasEnded(pid))).toEqual([]);
  });
});
