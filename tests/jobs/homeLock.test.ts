// Tests the lock on a data folder: only one process holds it, and the lock ends with that process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HomeLockedError, lockHome } from '@trainyard/jobs';
import { test as baseTest, expect } from 'vitest';

const test = baseTest.extend('home', async ({ task: _task }, { onCleanup }) => {
  const root = await mkdtemp(join(tmpdir(), 'trainyard-lock-'));
  onCleanup(async () => await rm(root, { recursive: true }));
  return join(root, 'not', 'there yet');
});

function forkHolder(home: string) {
  return fork(new URL('fixtures/holdHome.ts', import.meta.url), [home], { stdio: 'ignore', execArgv: ['--expose-gc'] });
}

async function lockedByChild(home: string) {
  const child = forkHolder(home);
  expect(await once(child, 'message')).toEqual(['locked', undefined]);
  return child;
}

test('a folder is created with access only for its user, and is locked until it is released', async ({ home }) => {
  const lock = await lockHome(home);
  expect((await stat(home)).mode & 0o777).toBe(0o700);
  await expect(lockHome(home)).rejects.toBeInstanceOf(HomeLockedError);
  lock.release();
  lock.release();
  const again = await lockHome(home);
  again.release();
  expect(await readdir(home)).toEqual(['lock']);
});

test('a folder that another process uses is refused, and the error names the process and says what to do', async ({ home }) => {
  const child = await lockedByChild(home);
  const refusal = await lockHome(home).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(HomeLockedError);
  expect(refusal).toMatchObject({ code: 'homeLocked' });
  expect(String(refusal)).toContain(`${home} is in use by process ${child.pid}`);
  expect(String(refusal)).toContain('TRAINYARD_HOME');
  child.kill();
  await once(child, 'exit');
});

test('a folder can be locked at once after its process was killed', async ({ home }) => {
  const child = await lockedByChild(home);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockHome(home);
  lock.release();
});

test('only one of many processes gets a folder whose process was killed', async ({ home }) => {
  const first = await lockedByChild(home);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const children = Array.from({ length: 3 }, () => forkHolder(home));
  const answers = await Promise.all(children.map(async (child) => ((await once(child, 'message')) as [string])[0]));
  expect(answers.toSorted()).toEqual(['homeLocked', 'homeLocked', 'locked']);
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(async (child) => child.exitCode ?? child.signalCode ?? (await once(child, 'exit'))));
});
