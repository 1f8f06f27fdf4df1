// Tests which upload is read next. The tests read no uploads: they run a function in place of each reading, and decide when it ends.
import { describe, expect, test } from 'vitest';
import { ReadingTurns } from '../../services/api/src/uploads/readingTurns.ts';
import { until } from '../support/until.ts';

/** A time limit that no test reaches, in ms. */
const never = 2 ** 30;

/**
 * Returns `run`, which runs a reading until `end` is called with its name. @param quick the names of readings that end as soon as they
 * start
 */
function worksOf(turns: ReadingTurns, quick: readonly string[] = []) {
  const starts: string[] = [];
  const cuts: string[] = [];
  const ends = new Map<string, () => void>();
  const ended = new Set<string>();
  return {
    starts,
    cuts,
    /** Runs a reading. @param name a key of letters, then a number that distinguishes the readings of this key */
    run: async (name: string, signal = new AbortController().signal): Promise<string> =>
      await turns.run(name.replace(/\d+$/, ''), signal, async (turn) => {
        starts.push(name);
        if (quick.includes(name)) return name;
        return await new Promise<string>((resolve, reject) => {
          ends.set(name, () => {
            ended.add(name);
            resolve(name);
          });
          turn.addEventListener('abort', () => {
            if (!ended.has(name)) cuts.push(name);
            reject(turn.reason as Error);
          });
        });
      }),
    end: (name: string): void => ends.get(name)?.(),
  };
}

/** Waits five turns of the event loop, so that all readings start that can start now. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('reading in turns', () => {
  test('reads a small upload while other keys hold every place', async () => {
    const { run, end, starts } = worksOf(new ReadingTurns({ places: 2, tryMs: never }));
    const long = [run('a1'), run('b1')];
    for (let i = 2; i < 6; i++) for (const key of ['a', 'b']) void run(`${key}${i}`);
    await settle();
    const small = run('c1');
    await until(() => starts.includes('c1'));
    expect(starts).toEqual(['a1', 'b1', 'c1']);
    end('c1');
    expect(await small).toBe('c1');
    end('a1');
    end('b1');
    expect(await Promise.all(long)).toEqual(['a1', 'b1']);
  });

  test('never gives one key every place', async () => {
    const { run, starts } = worksOf(new ReadingTurns({ places: 3, tryMs: never }));
    for (let i = 1; i < 6; i++) void run(`a${i}`);
    void run('b1');
    await settle();
    expect(starts).toEqual(['a1', 'a2', 'b1']);
  });

  test('stops a long upload after its short try, and starts it again when it has a place', async () => {
    const { run, end, starts, cuts } = worksOf(new ReadingTurns({ places: 1, tryMs: 20 }), ['c1']);
    const first = run('a1');
    const long = run('b1');
    await until(() => cuts.includes('b1'));
    expect(await run('c1')).toBe('c1');
    end('a1');
    await first;
    await until(() => starts.filter((name) => name === 'b1').length === 2);
    end('b1');
    expect(await long).toBe('b1');
  });

  test('continues a short try that gets a place, and lets another key try', async () => {
    const { run, end, starts, cuts } = worksOf(new ReadingTurns({ places: 1, tryMs: never }));
    const first = run('a1');
    const second = run('b1');
    await until(() => starts.includes('b1'));
    end('a1');
    await first;
    const third = run('c1');
    await until(() => starts.includes('c1'));
    end('b1');
    end('c1');
    expect(await Promise.all([second, third])).toEqual(['b1', 'c1']);
    expect([starts, cuts]).toEqual([['a1', 'b1', 'c1'], []]);
  });

  test('drops an upload whose client leaves: in a place, in a short try or waiting', async () => {
    const { run, end, starts, cuts } = worksOf(new ReadingTurns({ places: 1, tryMs: never }));
    const leaving = new AbortController();
    const all = ['a1', 'b1', 'c1'].map(async (name) => await run(name, leaving.signal));
    await until(() => starts.length === 2);
    leaving.abort(new Error('the client is gone'));
    for (const each of all) await expect(each).rejects.toThrow('the client is gone');
    expect(cuts).toEqual(['a1', 'b1']);
    const after = run('c2');
    await until(() => starts.includes('c2'));
    end('c2');
    expect(await after).toBe('c2');
  });

  test('gives the place back when reading fails', async () => {
    const turns = new ReadingTurns({ places: 1, tryMs: 0 });
    const { signal } = new AbortController();
    await expect(turns.run('a', signal, async () => await Promise.reject(new Error('damaged')))).rejects.toThrow('damaged');
    expect(await turns.run('b', signal, async () => await Promise.resolve('read'))).toBe('read');
  });
});
