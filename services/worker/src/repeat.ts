// Repeats a task with a pause after each run. Runs never overlap. A failed run is reported and does not end the repetition.

/**
 * Repeats a task; the first run begins after one pause.
 * @param ms pause between the end of a run and the start of the next, in ms
 * @returns a function that ends the repetition. It does not wait for the current run.
 */
export function repeat(ms: number, task: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  const next = (): void => {
    if (!hasEnded) timer = setTimeout(() => void task().catch(onError).finally(next), ms);
  };
  next();
  return () => {
    hasEnded = true;
    clearTimeout(timer);
  };
}
