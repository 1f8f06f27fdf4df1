// Ctrl-C and its relatives, for processes that have something to put away first. close-with-grace takes a second signal for
// impatience and exits at once; but npm passes a Ctrl-C on to a process that has it from the terminal already, so here a
// signal counts only when a person can have meant it.

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type InterruptionSignal = (typeof signals)[number];

/** What close-with-grace is to leave alone. */
export const interruptionSignals: InterruptionSignal[] = [...signals];

/** Milliseconds: faster than a person, slower than npm. */
export const echoMs = 500;

/** Calls back at every signal that asks this process to end, but for one that comes less than half a second after another. */
export function onInterruption(callback: (signal: InterruptionSignal) => void): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const signal of signals) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - last < echoMs) return;
      last = now;
      callback(signal);
    });
  }
}
