// Runs `npm start`: tests its output, how it stops, and that it leaves no process after any kind of end.
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { seesProcesses } from '../support/markedProcesses.ts';
import { until } from '../support/until.ts';
import { commandOf, type Machine, machineTest as test } from './fixtures/processes.ts';
import { startService } from './fixtures/start.ts';

function pidOf(machine: Machine, program: string): number {
  const found = machine.left().find((pid) => commandOf(pid).includes(program));
  if (found === undefined) throw new Error(`no process of the test runs ${program}`);
  return found;
}

describe('the service on one machine', () => {
  test('prints one line with its address on standard output', async ({ machine }) => {
    const { program, url } = await startService(machine);
    expect(program.stdout()).toBe(`listening on ${url}\n`);
    await expect.poll(async () => (await fetch(`${url}/health/ready`)).status).toBe(200);
  });

  test.skipIf(!seesProcesses).for(['SIGINT', 'SIGTERM'] as const)('exits 0 on %s and leaves no process', async (signal, { machine }) => {
    const { program } = await startService(machine);
    // The launcher, the API and the worker at least: training processes and a Redis may be there too.
    expect(machine.left().length).toBeGreaterThanOrEqual(3);
    // Sends the signal to the process group, as a terminal does, and to the process again, as npm does.
    process.kill(-(program.process.pid ?? 0), signal);
    program.process.kill(signal);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(machine.left()).toEqual([]);
  });

  test.skipIf(!seesProcesses).for(['SIGINT', 'SIGTERM'] as const)(
    'run by npm exits 0, after all its processes, when npm alone gets %s',
    async (signal, { machine }) => {
      const npm = machine.npm('start');
      await npm.printed(/^listening on /m);
      npm.process.kill(signal);
      expect(await npm.ended).toEqual({ code: 0, signal: null });
      expect(machine.left()).toEqual([]);
    },
  );

  test.skipIf(!seesProcesses)('leaves no process when it is interrupted during the start', async ({ machine }) => {
    const program = machine.run('services/local/dist/start.js');
    await until(() => machine.left().length > 1);
    program.process.kill('SIGINT');
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(machine.left()).toEqual([]);
  });

  test.skipIf(!seesProcesses)('leaves no process when it is killed', async ({ machine }) => {
    const { program } = await startService(machine);
    program.process.kill('SIGKILL');
    await until(() => machine.left().length === 0);
  });

  test.skipIf(!seesProcesses).for(['services/api/dist/server.js', 'services/worker/dist/main.js'])(
    'restarts %s when it is killed, and serves at the same address',
    async (path, { machine }) => {
      const { url } = await startService(machine);
      const before = pidOf(machine, path);
      process.kill(before, 'SIGKILL');
      await until(() => machine.left().some((pid) => pid !== before && commandOf(pid).includes(path)));
      await until(
        async () =>
          await fetch(`${url}/health/ready`).then(
            ({ status }) => status === 200,
            () => false,
          ),
      );
    },
  );

  test('refuses a second start with the same data folder, and says which process uses it and what to do', async ({ machine }) => {
    await startService(machine);
    const second = machine.run('services/local/dist/start.js');
    expect((await second.ended).code).toBe(1);
    expect(second.stdout()).toBe('');
    expect(second.output()).toMatch(
      /^\S+ is in use by process \d+: stop it first, or set TRAINYARD_HOME to another folder to run a second one\n$/,
    );
    expect(second.output()).toContain(join(machine.folder, 'home'));
  });

  test('refuses to serve other machines without an API key, and says how to create one', async ({ machine }) => {
    const program = machine.run('services/local/dist/start.js', { env: { HOST: '0.0.0.0' } });
    expect((await program.ended).code).toBe(1);
    expect(program.output()).toMatch(/npm run key -- NAME/);
  });

  test('names every invalid variable', async ({ machine }) => {
    const program = machine.run('services/local/dist/start.js', { env: { PORT: 'http', LOG_LEVEL: 'loud' } });
    expect((await program.ended).code).toBe(1);
    expect(program.output()).toMatch(/^PORT: .*"http"$/m);
    expect(program.output()).toMatch(/^LOG_LEVEL: .*"loud"$/m);
  });

  test.for(['services/api/dist/server.js', 'services/worker/dist/main.js'])(
    '%s on its own requires REDIS_URL',
    async (path, { machine }) => {
      const program = machine.run(path);
      expect((await program.ended).code).toBe(1);
      expect(program.output()).toMatch(/^REDIS_URL: .+\n$/);
    },
  );
});
