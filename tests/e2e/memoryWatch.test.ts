// The memory watch of `npm run shares`: it kills the processes of the service when together they use more memory than allowed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { MemoryWatch } from '../shares/memoryWatch.ts';

const MiB = 2 ** 20;

/** Starts a process that holds `bytes` of memory. Its command line contains `script`, so that the watch counts it as a service process. */
function processWith(bytes: number, script: string): ChildProcess {
  const program = `const held = Buffer.alloc(${bytes}, 1); setInterval(() => held.length, 1000)`;
  return spawn(process.execPath, ['-e', program, script], { stdio: 'ignore' });
}

describe.skipIf(process.platform === 'win32')('the memory watch', () => {
  test('reports the largest memory of each kind of process and of all together', async ({ onTestFinished }) => {
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

  test('kills all processes of the service above the limit, and names the largest', async ({ onTestFinished }) => {
    const watch = new MemoryWatch(400 * MiB);
    const [api, worker] = [processWith(50 * MiB, 'services/api/dist/server.js'), processWith(400 * MiB, 'services/worker/dist/main.js')];
    onTestFinished(async () => await watch.close());
    const ends = await Promise.all([api, worker].map(async (child) => (await once(child, 'exit')) as unknown[]));
    expect(ends).toEqual([
      [null, 'SIGKILL'],
      [null, 'SIGKILL'],
    ]);
    await until(() => watch.exceeded !== null);
    expect(watch.exceeded).toMatch(/^all processes together used \d+ MiB and were killed \(the largest: worker \d+ MiB, /);
  });

  test('kills the processes of the service that still run when it closes', async () => {
    const watch = new MemoryWatch(4_096 * MiB);
    const api = processWith(0, 'services/api/dist/server.js');
    const exited = once(api, 'exit');
    await until(async () => ((await watch.takePeaks())['api'] ?? 0) > 0);
    await watch.close();
    expect(await exited).toEqual([null, 'SIGKILL']);
  });
});
