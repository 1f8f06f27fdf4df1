// A python3 with PyTorch and numpy, where there is one: TRAINYARD_PEER_PYTHON, else the PATH's.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const python = process.env['TRAINYARD_PEER_PYTHON'] ?? 'python3';
const runner = fileURLToPath(new URL('runScripts.py', import.meta.url));

/** The version of the PyTorch that is found; null for none. */
export const torchVersion: string | null = (() => {
  const { status, stdout } = spawnSync(python, ['-c', 'import torch, numpy; print(torch.__version__)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
})();

/** What a Python program prints. Rejects when it fails. */
export async function runPython(commandLine: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(python, commandLine, { maxBuffer: 2 ** 20 });
  return stdout;
}

const answerSchema = z.object({ printed: z.string(), error: z.string().nullable() });
export type ScriptAnswer = z.infer<typeof answerSchema>;

/**
 * Runs scripts in one process, by name, in a folder of their own.
 * @param scripts their texts
 * @param options what each is called with
 */
export async function runScripts(
  scripts: Readonly<Record<string, string>>,
  options: readonly string[],
): Promise<Record<string, ScriptAnswer>> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-python-'));
  try {
    const names = Object.keys(scripts);
    const process_ = spawn(python, [runner], {
      cwd: folder,
      env: { ...process.env, OMP_NUM_THREADS: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for (const [i, name] of names.entries()) {
      const script = join(folder, `train${i}.py`);
      await writeFile(script, scripts[name]);
      process_.stdin.write(`${JSON.stringify({ script, arguments: options })}\n`);
    }
    process_.stdin.end();
    const lines = (await text(process_.stdout)).trim().split('\n');
    return Object.fromEntries(names.map((name, i) => [name, answerSchema.parse(JSON.parse(lines[i]))]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
