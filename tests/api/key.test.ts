// The command that makes an API key.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findApiKey, parseApiKeys } from '@trainyard/jobs';
import { expect, test } from 'vitest';

const keyFile = fileURLToPath(import.meta.resolve('@trainyard/api').replace(/app\.js$/, 'key.js'));

async function run(...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number }> {
  try {
    return { ...(await promisify(execFile)(process.execPath, [keyFile, ...args])), code: 0 };
  } catch (error) {
    return error as { stdout: string; stderr: string; code: number };
  }
}

test.for([
  [[], 'user'],
  [['--admin'], 'admin'],
] as const)('with %j prints a key and the entry of a key of that role, which fit each other', async ([flags, role]) => {
  const { stdout, code } = await run('ada', ...flags);
  expect(code).toBe(0);
  const token = /^ty_\S+$/m.exec(stdout)?.[0] ?? '';
  const entry = /^ada:\S+$/m.exec(stdout)?.[0] ?? '';
  expect(entry).not.toContain(token);
  expect(findApiKey(parseApiKeys(entry), token)).toMatchObject({ name: 'ada', role });
});

test('makes another key every time', async () => {
  const [first, second] = await Promise.all([run('ada'), run('ada')]);
  expect(first.stdout).not.toBe(second.stdout);
});

test.for([[[]], [['a', 'b']], [['a:b']], [['--root', 'a']]] as const)('with %j says what it wants and fails', async ([args]) => {
  const { stdout, stderr, code } = await run(...args);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('npm run key needs nothing installed and nothing built', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-key-'));
  try {
    for (const path of ['package.json', 'packages/jobs/package.json', 'packages/jobs/src']) {
      await cp(join(root, path), join(folder, path), { recursive: true });
    }
    const { scripts } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { scripts: { key: string } };
    const [, program = ''] = /^node (\S+)$/.exec(scripts.key) ?? [];
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'ada', '--admin'], { cwd: folder });
    const [token = '', entry = ''] = [/^ty_\S+$/m.exec(stdout)?.[0], /^ada:admin:\S+$/m.exec(stdout)?.[0]];
    expect(findApiKey(parseApiKeys(entry), token)).toMatchObject({ name: 'ada', role: 'admin' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
