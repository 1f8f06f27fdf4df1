// Checks that the engine throws an EngineError with a code and a message.
import { EngineError } from '@trainyard/engine';
import { expect } from 'vitest';

/** Expects that `attempt` throws an EngineError with this code and with `message` in its message. Returns the error. */
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
