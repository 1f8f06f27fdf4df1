// Tests the team of threads for parallel kernels: how it sleeps and ends, and how it reports a lost thread. threadsBits.test.ts checks that
// results do not depend on the number of threads.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type KernelThreads, type TeamSetup, WasmBackend } from '@trainyard/engine';
import { nodeThreads } from '@trainyard/engine/node';
import { afterEach, describe, expect, it } from 'vitest';
import { waitLimitMs } from '../support/hangLimits.ts';
import { until } from '../support/until.ts';

const geometry: Parameters<WasmBackend['maxPool2d']>[3] = {
  planes: 600,
  height: 20,
  width: 20,
  kernelHeight: 2,
  kernelWidth: 2,
  strideHeight: 2,
  strideWidth: 2,
  padTop: 0,
  padLeft: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  outHeight: 10,
  outWidth: 10,
};

/** Runs a kernel that is large enough to use several threads. */
function pool(backend: WasmBackend): void {
  const mark = backend.enterArena();
  backend.maxPool2d(backend.allocate(600 * 400), backend.allocate(600 * 100), backend.allocateIndices(600 * 100), geometry);
  backend.leaveArena(mark);
}

/** Returns the threads of this process, as listed by Linux. */
const tasks = '/proc/self/task';

function isAsleep(thread: string): boolean {
  const stat = readFileSync(`${tasks}/${thread}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('S');
}

/** Runs the kernel until another thread takes part in it. @returns the error that it then throws */
function failureOf(backend: WasmBackend): unknown {
  for (const end = performance.now() + waitLimitMs; performance.now() < end; ) {
    try {
      pool(backend);
    } catch (error) {
      return error;
    }
  }
  return null;
}

const open: WasmBackend[] = [];

function backendWith(threads: KernelThreads): WasmBackend {
  const backend = new WasmBackend({ threads });
  open.push(backend);
  return backend;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((backend) => backend.close()));
});

const memberModule = new URL('../../packages/engine/dist/node/kernelThread.js', import.meta.url);

/** Starts a team with one additional thread and returns its worker. A test can change the setup. */
function threadInHand(change: (setup: TeamSetup) => TeamSetup, patienceMs?: number): KernelThreads & { workers: Worker[] } {
  const workers: Worker[] = [];
  return {
    count: 2,
    ...(patienceMs !== undefined && { patienceMs }),
    workers,
    start: (setup, onEnd) => {
      const worker = new Worker(memberModule, { workerData: change(setup) });
      workers.push(worker);
      worker.on('error', onEnd);
      worker.on('exit', () => onEnd(new Error('it was killed')));
      return {
        close: async () => {
          await worker.terminate();
        },
      };
    },
  };
}

const sections = {
  // setThread takes one int32, maxPool2d six.
  types: [1, 14, 2, 0x60, 1, 0x7f, 0, 0x60, 6, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0],
  functions: [3, 3, 2, 0, 1],
  exports: [7, 25, 2, 9, ...Buffer.from('setThread'), 0, 0, 9, ...Buffer.from('maxPool2d'), 0, 1],
};

/** Builds kernels in which setThread does nothing and maxPool2d runs `body`. */
function kernelsThat(body: readonly number[]): object {
  const { types, functions, exports } = sections;
  const bodies = [2, 0, 0x0b, body.length + 2, 0, ...body, 0x0b];
  const code = [10, bodies.length + 1, 2, ...bodies];
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...types, ...functions, ...exports, ...code];
  return new (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } }).WebAssembly.Module(
    Uint8Array.from(bytes),
  );
}

describe('the threads of a backend', () => {
  it('are refused unless their number is from 1 to 64', () => {
    for (const count of [0, 65, 1.5, NaN]) expect(() => nodeThreads(count)).toThrow(/1 to 64/);
    expect(() => new WasmBackend({ threads: { ...nodeThreads(1), count: 100 } })).toThrow(/1 to 64, got 100/);
  });

  it.skipIf(process.platform !== 'linux')('sleep while there is no work', async () => {
    const others = new Set(readdirSync(tasks));
    const backend = backendWith(nodeThreads(3));
    await backend.ready();
    const members = readdirSync(tasks).filter((thread) => !others.has(thread));
    expect(members.length).toBeGreaterThanOrEqual(2);
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 10; i++) {
        pool(backend);
        await turn();
      }
      // A spinning thread would never sleep. A sleeping one may wake up for a moment, for example for a garbage collection.
      await until(() => members.every(isAsleep), 'the sleep of all threads');
    }
  });

  it('end when the backend is closed, also if it is closed twice, so that the process can end', async () => {
    const script = `
      import { WasmBackend } from '@trainyard/engine';
      import { nodeThreads } from '@trainyard/engine/node';
      const backend = new WasmBackend({ threads: nodeThreads(3) });
      const x = backend.allocatePersistent(200_000);
      backend.unary('exp', x, x);
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
      backend.unary('exp', x, x);
      console.log(x[0] === x[199_999], backend.threads);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: new URL('../..', import.meta.url),
      timeout: waitLimitMs,
    });
    expect(stdout.trim()).toBe('true 1');
  });

  it('can be replaced by another number of threads for each job', async () => {
    const backend = backendWith(nodeThreads(1));
    for (const count of [3, 3, 1, 2]) {
      await backend.useThreads(nodeThreads(count));
      expect(backend.threads).toBe(count);
      await backend.ready();
      pool(backend);
    }
  });

  it('are replaced by new ones after one was lost', async () => {
    const threads = threadInHand((setup) => setup);
    const backend = backendWith(threads);
    await backend.ready();
    await threads.workers[0].terminate();
    expect(() => pool(backend)).toThrow(/it was killed/);
    await backend.useThreads(nodeThreads(2));
    await backend.ready();
    pool(backend);
  });

  it('report that one of them was killed instead of waiting for it', async () => {
    const threads = threadInHand((setup) => setup);
    const backend = backendWith(threads);
    await backend.ready();
    pool(backend);
    await threads.workers[0].terminate();
    expect(() => pool(backend)).toThrow(
      expect.objectContaining({ code: 'threadLost', message: expect.stringContaining('it was killed') as string }) as Error,
    );
    expect(() => pool(backend)).toThrow(/make a new backend/);
  });

  it('report that a kernel failed on one of them', () => {
    const unreachable = [0x00];
    const backend = backendWith(threadInHand((setup) => ({ ...setup, module: kernelsThat(unreachable) })));
    expect(failureOf(backend)).toMatchObject({ code: 'threadLost', message: expect.stringContaining('a kernel failed') as string });
  });

  it('are abandoned when one of them never finishes its share', () => {
    const endlessLoop = [0x03, 0x40, 0x0c, 0, 0x0b];
    const backend = backendWith(threadInHand((setup) => ({ ...setup, module: kernelsThat(endlessLoop) }), 300));
    expect(failureOf(backend)).toMatchObject({ code: 'threadLost', message: expect.stringContaining('unfinished') as string });
  });
});
