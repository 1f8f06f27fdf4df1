// How long a test may take before it counts as hanging. The limits exist only so that a hang ends with a message: they are far
// above what any test needs on a slow and busy machine. A test must not set a shorter limit, and must not assert elapsed time;
// tests/bench measures durations.

/** How long a wait inside a test may take, in ms. It is less than the limit of the test, so that the error can name the condition. */
export const waitLimitMs = 5 * 60_000;

/** The limits of tests, hooks and polls for the configurations of vitest. */
export const hangLimits = {
  testTimeout: 2 * waitLimitMs,
  hookTimeout: 2 * waitLimitMs,
  expect: { poll: { timeout: waitLimitMs } },
};
