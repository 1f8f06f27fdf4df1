// The two sides of a comparison, each a process of its own that waits, idle, until it is asked for a slice.
import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { KernelTime } from './kernelTimes.ts';
import type { Answer, Request } from './ours.ts';
import type { Row } from './workloads.ts';

export interface Side {
  /** Microseconds a step over a slice. */
  slice(): Promise<number>;
  close(): Promise<void>;
}

/** Starts our side and resolves when it is warm. */
export async function startOurs(row: Row, seconds: number, datasets: string | null, relaxed: boolean) {
  const args = [row.workload, String(row.batch), String(row.threads), String(seconds), datasets ?? '', relaxed ? 'relaxed' : 'strict'];
  const child = fork(fileURLToPath(new URL('./ours.ts', import.meta.url)), args);
  const gone = once(child, 'exit').then(() => Promise.reject(new Error('our side ended before it had answered')));
  gone.catch(() => undefined);
  const next = async (): Promise<Answer> => ((await Promise.race([once(child, 'message'), gone])) as [Answer])[0];
  const ask = async (request: Request): Promise<Answer> => {
    child.send(request);
    return await next();
  };
  const side = {
    slice: async (): Promise<number> => {
      const answer = await ask('slice');
      return 'us' in answer ? answer.us : Number.NaN;
    },
    /** What each kernel takes of a step. */
    profile: async (): Promise<readonly KernelTime[]> => {
      const answer = await ask('profile');
      return 'kernels' in answer ? answer.kernels : [];
    },
    close: async () => await ended(child, () => child.disconnect()),
  };
  try {
    await next();
  } catch (error) {
    await side.close();
    throw error;
  }
  return side;
}

/** A python that has PyTorch, or why there is none. */
export type Peer = { readonly python: string } | { readonly missing: string };

/** Looks for the interpreter that `TRAINYARD_PEER_PYTHON` names, else for python3 on the PATH, and asks it for PyTorch. */
export async function findPeer(): Promise<Peer> {
  const named = process.env['TRAINYARD_PEER_PYTHON'];
  const python = named ?? 'python3';
  const called = named === undefined ? 'the python3 of the PATH' : 'the python that TRAINYARD_PEER_PYTHON names';
  try {
    await promisify(execFile)(python, ['-c', 'import torch']);
    return { python };
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && typeof error.code === 'string';
    return { missing: isAbsent ? `${called} cannot be run` : `${called} has no PyTorch (import torch fails)` };
  }
}

/**
 * Starts PyTorch's side and resolves when it is warm.
 * @param files for mnist_epoch: gzipped IDX files of images and labels.
 */
export async function startPeer(python: string, row: Row, seconds: number, files: readonly string[]) {
  const program = fileURLToPath(new URL('./peer.py', import.meta.url));
  const args = [program, row.workload, String(row.batch), String(row.threads), String(seconds), ...files];
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <Line>(): Promise<Line> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("PyTorch's side ended before it had answered");
    return JSON.parse(value) as Line;
  };
  const close = async (): Promise<void> => await ended(child, () => child.stdin.end());
  try {
    const { peer } = await next<{ peer: string }>();
    const slice = async (): Promise<number> => {
      child.stdin.write('\n');
      return (await next<{ us: number }>()).us;
    };
    return { name: peer, slice, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tells a process to end, and waits until it has. */
async function ended(child: ChildProcess, tell: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  tell();
  await exit;
}
