// Runs train.ts in a folder outside of the checkout, like a user who has downloaded it.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineScript } from '@trainyard/engine/formats';
import { checkSpec } from '@trainyard/engine/spec';
import { expect, test as base } from 'vitest';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

const test = base.extend('folder', async ({ task: _task }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-elsewhere-'));
  onCleanup(async () => await rm(folder, { recursive: true }));
  const spec: unknown = JSON.parse(await readFile(join(checkout, 'docs/examples/tutorial.json'), 'utf8'));
  await writeFile(join(folder, 'train.ts'), engineScript(checkSpec({ ...(spec as object), epochs: 1 }).spec));
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  return folder;
});

function run(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['train.ts', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, stdout, stderr };
}

test.for([
  ['--engine', ['--engine', checkout], {}],
  ['TRAINYARD_ENGINE', [], { TRAINYARD_ENGINE: checkout }],
  ['the package of the engine itself', ['--engine', join(checkout, 'packages/engine')], {}],
] as const)('train.ts runs with the engine that %s names', ([, args, env], { folder }) => {
  const { status, stdout } = run(folder, args, env);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ epoch: 1, trainLoss: expect.closeTo(0.79466426, 7) as number });
});

test.for([
  ['without an engine', [], 'was not found next to this file'],
  ['with a folder that has none', ['--engine', tmpdir()], `was not found in ${tmpdir()}`],
] as const)('train.ts %s reports that the engine is missing and how to name it', ([, args, place], { folder }) => {
  const { status, stdout, stderr } = run(folder, args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(`train.ts needs Trainyard's engine, but @trainyard/engine ${place}.\nBuild a checkout`);
  expect(stderr).toContain('node train.ts --engine FOLDER');
  expect(stderr).not.toContain('ERR_MODULE_NOT_FOUND');
});
