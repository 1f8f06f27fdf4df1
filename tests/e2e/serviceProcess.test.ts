// Tests a service process that dies, does not start, does not stop, or loses its launcher.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceProcess, type ServiceProcessOptions, ServiceStartError } from '@trainyard/local';
import { describe, expect } from 'vitest';
import { until } from '../support/until.ts';
import { hasEnded } from '../worker/fixtures/processes.ts';
import { type Machine, machineTest as test } from './fixtures/processes.ts';

const logged: unique symbol = Symbol('logged');

function serviceOf(
  machine: Machine,
  behaviour: string,
  options: Partial<ServiceProcessOptions> = {},
): ServiceProcess & { [logged]: string[] } {
  const messages: string[] = [];
  const service = new ServiceProcess({
    name: 'worker',
    program: new URL('./fixtures/service.ts', import.meta.url),
    env: () => ({ PATH: process.env['PATH'], BEHAVIOUR: behaviour, NOTE: join(machine.folder, 'note') }),
    logTo: 2,
    log: (message) => messages.push(message),
    stopGraceMs: 10_000,
    ...options,
  });
  return Object.assign(service, { [logged]: messages });
}

function isThere(pid: number | null): boolean {
  try {
    return pid !== null && process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a service process', () => {
  test('that is killed is restarted after a pause, which grows each time', async ({ machine }) => {
    const service = serviceOf(machine, 'runs');
    await service.start();
    for (const pause of [0.25, 0.5]) {
      const before = service.pid;
      expect(isThere(before)).toBe(true);
      process.kill(before ?? 0, 'SIGKILL');
      await until(() => service[logged].length === 2);
      expect(service[logged].splice(0)).toEqual([
        `the worker was ended by SIGKILL; restarting it in ${pause} s`,
        'the worker is ready again',
      ]);
      expect(service.pid).not.toBe(before);
    }
    await service.stop();
    expect(service.pid).toBeNull();
  });

  test('that ends before it is ready makes the start fail with its exit code', async ({ machine }) => {
    const service = serviceOf(machine, 'fails');
    await expect(service.start()).rejects.toThrow(new ServiceStartError('worker', 'it ended with exit code 7'));
    await service.stop();
  });

  test('is asked to stop and gets time to do so', async ({ machine }) => {
    const service = serviceOf(machine, 'runs');
    await service.start();
    await Promise.all([service.stop(), service.stop()]);
    expect(await readFile(join(machine.folder, 'note'), 'utf8')).toBe('stopped in order');
    expect(service[logged]).toEqual([]);
  });

  test('that does not stop in time is killed', async ({ machine }) => {
    const service = serviceOf(machine, 'clings', { stopGraceMs: 200 });
    await service.start();
    const { pid } = service;
    await service.stop();
    expect(isThere(pid)).toBe(false);
    expect(service[logged]).toEqual(['the worker did not stop within 0.2 s and was killed']);
  });

  test('that is stopped during its start makes the start fail', async ({ machine }) => {
    const service = serviceOf(machine, 'runs');
    const starting = service.start();
    const refused = expect(starting).rejects.toThrow(ServiceStartError);
    await service.stop();
    await refused;
    expect(service.pid).toBeNull();
  });

  test('ends when its launcher is killed', async ({ machine }) => {
    const launcher = machine.run('tests/e2e/fixtures/launcher.ts');
    const [, pid = ''] = await launcher.printed(/pid (\d+)/);
    expect(isThere(Number(pid))).toBe(true);
    const exit = once(launcher.process, 'exit');
    launcher.process.kill('SIGKILL');
    await exit;
    await until(() => hasEnded(Number(pid)));
  });
});
