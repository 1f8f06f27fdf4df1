// The names of checkpoints among a job's artifacts.

/** @param attempt 0 for the one that a new job begins with. */
export function checkpointName(attempt: number, number: number): string {
  return `checkpoint-${attempt}-${number}.safetensors`;
}

/** The attempt that stored a checkpoint; null for the name of another file. */
export function attemptOfCheckpoint(name: string): number | null {
  const [, attempt] = /^checkpoint-(\d+)-\d+\.safetensors$/.exec(name) ?? [];
  return attempt === undefined ? null : Number(attempt);
}

export function isCheckpointName(name: string): boolean {
  return /^checkpoint-\d+-\d+\.safetensors$/.test(name);
}
