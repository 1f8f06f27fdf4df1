// Runs `npm run demo` as a user does.
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { seesProcesses } from '../support/markedProcesses.ts';
import { machineTest as test } from './fixtures/processes.ts';

const program = 'services/local/dist/demo.js';

describe('the demo', () => {
  test('trains LeNet on digits to at least 97 %, keeps its artifacts, leaves no process, and exits 0', async ({ machine }) => {
    const demo = machine.run(program);
    expect(await demo.ended, demo.output()).toEqual({ code: 0, signal: null });
    expect(machine.left()).toEqual([]);

    const [, accuracy] = /^ {2}test accuracy +([\d.]+) %$/m.exec(demo.stdout()) ?? [];
    expect(Number(accuracy)).toBeGreaterThanOrEqual(97);
    expect(demo.stdout()).toMatch(/^ {2}conv1 +conv2d +6×28×28 +156 +117,600$/m);
    expect(demo.stdout()).toMatch(/^ {2}epoch 1\/\d+ {2}train loss [\d.]+ {2}test loss [\d.]+ {2}test accuracy [\d.]+ %/m);
    expect(demo.stdout()).toMatch(/train loss +test loss/);
    // The output has no control characters for a terminal.
    expect(demo.stdout()).not.toContain('\x1b');

    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const [hash = 'no hash'] = /^ {2}weightsSha256 +[0-9a-f]{64}$/m.exec(demo.stdout()) ?? [];
    expect(readme).toContain(hash);
    for (const [epoch] of readme.matchAll(/^ {2}epoch \d\/4 .* test accuracy [\d.]+ %/gm)) expect(demo.stdout()).toContain(epoch);

    const [, weights = ''] = /^ {2}weights +(\S+)$/m.exec(demo.stdout()) ?? [];
    await access(weights);
    const [folder = ''] = (await readdir(machine.folder)).filter((name) => name.startsWith('trainyard-demo-'));
    expect(await readdir(join(machine.folder, folder))).toEqual(['artifacts']);
  });

  test('trains the spec in a file, with another number of epochs if requested', async ({ machine }) => {
    const demo = machine.run(program, { args: ['--spec', 'docs/examples/tutorial.json', '--epochs', '5'] });
    expect(await demo.ended, demo.output()).toEqual({ code: 0, signal: null });
    expect(demo.stdout().match(/^ {2}epoch \d\/5/gm)).toHaveLength(5);
  });

  test('prints in one line why a spec is not valid, and exits with an error', async ({ machine }) => {
    const file = join(machine.folder, 'broken.json');
    const spec = JSON.parse(await readFile(new URL('../../docs/examples/tutorial.json', import.meta.url), 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...spec, epochs: 0 }));
    const demo = machine.run(program, { args: ['--spec', file] });
    expect(await demo.ended).toEqual({ code: 1, signal: null });
    expect(demo.output()).toMatch(/the demo failed: .*\n +\/epochs: /);
    expect(machine.left()).toEqual([]);
  });

  test.for([
    [['--spec', 'nowhere.json'], /nowhere\.json/],
    [['--epochs', 'many'], /--epochs takes a whole number/],
    [['--speed', 'fast'], /--speed/],
    [['--spec', 'a.json', '--dataset', 'mnist'], /--spec and --dataset cannot be used together/],
  ] as const)('refuses %j and starts nothing', async ([args, message], { machine }) => {
    const demo = machine.run(program, { args });
    expect((await demo.ended).code).toBe(2);
    expect(demo.output()).toMatch(message);
    expect(demo.stdout()).toBe('');
  });

  test('prints its usage with --help', async ({ machine }) => {
    const demo = machine.run(program, { args: ['--help'] });
    expect((await demo.ended).code).toBe(0);
    for (const option of ['--dataset', '--spec', '--epochs']) expect(demo.stdout()).toContain(option);
  });

  test.skipIf(!seesProcesses)('cleans up after Ctrl-C and exits 130', async ({ machine }) => {
    const demo = machine.run(program);
    await demo.printed(/POST \/jobs/);
    process.kill(-(demo.process.pid ?? 0), 'SIGINT');
    expect(await demo.ended).toEqual({ code: 130, signal: null });
    expect(machine.left()).toEqual([]);
    expect((await readdir(machine.folder)).filter((name) => name.startsWith('trainyard-demo-'))).toEqual([]);
  });
});
