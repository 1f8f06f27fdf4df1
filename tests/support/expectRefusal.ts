// The engine's refusals: an EngineError with its code, and the words of its message that matter.
import { EngineError } from '@trainyard/engine';
import { expect } from 'vitest';

/** Expects `attempt` to throw an EngineError of this code whose message holds `message`; returns it. */
export function expectRefusal(attempt: () => unknown, code: string, message: string | RegExp = ''): EngineError {
  let thrown: unknown;
  try {
    attempt();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof EngineError)) expect.fail(`expected an EngineError with the code ${code}, got ${String(thrown)}`);
  expect(thrown.code).toBe(code);
  expect(thrown.message).toMatch(message);
  return thrown;
}
