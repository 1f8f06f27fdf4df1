// The conformance tests on other sets than the project's own: made by the PyTorch at hand, with other shapes, options and seeds.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test as baseTest } from 'vitest';
import { z } from 'zod';
import { runPython, torchVersion } from './python.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const maker = fileURLToPath(new URL('conformanceSet.py', import.meta.url));

const report = z.object({ numPassedTests: z.int(), numFailedTests: z.int() });

const test = baseTest.extend('folder', async ({ task: _task }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-conformance-'));
  onCleanup(async () => await rm(folder, { recursive: true }));
  return folder;
});

if (torchVersion === null) console.warn('conformance sets: none made without a python3 with PyTorch (TRAINYARD_PEER_PYTHON)');

describe.runIf(torchVersion !== null)(`a conformance set made by PyTorch ${torchVersion}`, () => {
  test.for([1, 2, 3])('from the seed %i passes as the own one does', async (seed, { folder }) => {
    const made = z.object({ cases: z.int().min(200) }).parse(JSON.parse(await runPython([maker, folder, String(seed)])));
    const results = join(folder, 'results.txt');
    const options = ['--project', 'conformance', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
    const { stdout } = await run('vitest', ['run', '--root', root, ...options], {
      env: { ...process.env, CONFORMANCE_DIR: folder, TRAINYARD_DATASETS: undefined },
      maxBuffer: 64 * 2 ** 20,
    }).catch((error: { stdout: string }) => error);
    const { numPassedTests, numFailedTests } = report.parse(JSON.parse(await readFile(results, 'utf8')));
    expect(numFailedTests, stdout).toBe(0);
    expect(numPassedTests).toBeGreaterThan(2 * made.cases);
  });
});
