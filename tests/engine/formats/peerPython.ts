// A python3 with PyTorch, where there is one: TRAINYARD_PEER_PYTHON, else the PATH's. Tests that need it are named when
// there is none.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const python = process.env['TRAINYARD_PEER_PYTHON'] ?? 'python3';
const succeeds = (...args: string[]): boolean => spawnSync(python, args, { stdio: 'ignore' }).status === 0;

export const hasPython = succeeds('--version');
export const hasTorch = hasPython && succeeds('-c', 'import torch, numpy');

/** Runs a script in a folder of its own, which is removed. @returns what it printed. */
export async function runPython(script: string, args: readonly string[] = [], asModule?: 'py_compile'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-python-'));
  try {
    const file = join(folder, 'train.py');
    await writeFile(file, script);
    const given = asModule === undefined ? [file, ...args] : ['-m', asModule, file];
    const { stdout } = await promisify(execFile)(python, given, { cwd: folder, env: { ...process.env, OMP_NUM_THREADS: '1' } });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
