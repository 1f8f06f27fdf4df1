// The names of checkpoints among a job's artifacts.

/** @param attempt 0 for the one that a new job begins with. */
export function checkpointName(attempt: number, number: number): string {
  return `checkpoint-${attempt}-${number}.safetensors`;
}

export function isCheckpointName(name: string): boolean {
  return /^checkpoint-\d+-\d+\.safetensors$/.test(name);
}
