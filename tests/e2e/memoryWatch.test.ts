// What keeps a run of shares from harming the machine: the processes of the service are killed when they have too much memory.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { MemoryWatch } from '../shares/memoryWatch.ts';

const MiB = 2 ** 20;

/** A process with this memory, which looks like one of the service. */
function processWith(bytes: number, script: string): ChildProcess {
  const program = `const held = Buffer.alloc(${bytes}, 1); setInterval(() => held.length, 1000)`;
  return spawn(process.execPath, ['-e', program, script], { stdio: 'ignore' });
}

describe.skipIf(process.platform === 'win32')('the memory of a run', () => {
  test('is that of all its processes together, by kind', async ({ onTestFinished }) => {
    const watch = new MemoryWatch(4_096 * MiB);
    const [api, worker] = [processWith(100 * MiB, 'services/api/dist/server.js'), processWith(200 * MiB, 'services/worker/dist/main.js')];
    const other = processWith(300 * MiB, 'something.js');
    onTestFinished(async () => {
      for (const child of [api, worker, other]) child.kill('SIGKILL');
      await watch.close();
    });
    await until(async () => {
      const { api: ofApi = 0, worker: ofWorker = 0, total = 0 } = await watch.takePeaks();
      return ofApi > 100 * MiB && ofWorker > 200 * MiB && total >= 300 * MiB && total < 600 * MiB;
    });
    expect(watch.exceeded).toBeNull();
  });

  test('over its limit, they are killed, and the largest is named', async ({ onTestFinished }) => {
    const watch = new MemoryWatch(400 * MiB);
    const [api, worker] = [processWith(50 * MiB, 'services/api/dist/server.js'), processWith(400 * MiB, 'services/worker/dist/main.js')];
    onTestFinished(async () => await watch.close());
    const ends = await Promise.all([api, worker].map(async (child) => (await once(child, 'exit')) as unknown[]));
    expect(ends).toEqual([
      [null, 'SIGKILL'],
      [null, 'SIGKILL'],
    ]);
    await until(() => watch.exceeded !== null);
    expect(watch.exceeded).toMatch(/^all processes together had \d+ MiB and were killed \(the largest: worker \d+ MiB, /);
  });

  test('is given back at its end: what still runs is killed', async () => {
    const watch = new MemoryWatch(4_096 * MiB);
    const api = processWith(0, 'services/api/dist/server.js');
    const exited = once(api, 'exit');
    await until(async () => ((await watch.takePeaks())['api'] ?? 0) > 0);
    await watch.close();
    expect(await exited).toEqual([null, 'SIGKILL']);
  });
});
