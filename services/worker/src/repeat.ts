// Something done again and again, one at a time: a slow turn is waited for, and a failed one is only reported.

/**
 * @param ms pause between the end of one turn and the begin of the next
 * @returns ends it; a turn under way is not waited for
 */
export function repeat(ms: number, turn: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  const next = (): void => {
    if (!hasEnded) timer = setTimeout(() => void turn().catch(onError).finally(next), ms);
  };
  next();
  return () => {
    hasEnded = true;
    clearTimeout(timer);
  };
}
