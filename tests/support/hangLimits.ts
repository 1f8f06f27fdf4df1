// How long a test may take before it counts as hanging. The limits exist only so that a hang ends with a message: they are far
// above what any test needs on a slow and busy machine. A test must not set a shorter limit, and must not assert elapsed time;
// tests/bench measures durations.

/** Milliseconds after which a wait inside a test gives up. Below the limit of the test, so that the wait can say what it waited for. */
export const waitLimitMs = 5 * 60_000;

/** Limits of tests, hooks and polls, for the configurations of vitest. */
export const hangLimits = {
  testTimeout: 2 * waitLimitMs,
  hookTimeout: 2 * waitLimitMs,
  expect: { poll: { timeout: waitLimitMs } },
};
