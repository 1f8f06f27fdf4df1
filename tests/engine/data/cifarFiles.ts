// Creates small CIFAR batches and tar archives.
import { spawnSync } from 'node:child_process';

/** Returns a batch with one record per label. Sample s has the pixels s, s+1, … (mod 251). */
export function cifarBatch(labels: readonly number[]): Uint8Array {
  return Uint8Array.from(labels.flatMap((label, s) => [label, ...Array.from({ length: 3072 }, (_, i) => (s + i) % 251)]));
}

/** Packs paths of a folder with the machine's tar, gzipped. */
export function tarGz(folder: string, ...paths: string[]): Uint8Array {
  const { stdout, status, stderr } = spawnSync('tar', ['-czf', '-', ...paths], { cwd: folder, maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
}
