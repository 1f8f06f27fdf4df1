// Checks Redis at the start of a program. A failure that only an operator can fix ends the program, with one line that says what to change.
// Other failures do not end it.
import { EnvironmentError } from '../errors.ts';
import { closeRedis, connectRedis } from './connection.ts';
import { type RedisFailure, redisFailureOf } from './redisFailure.ts';
import { probeRedis } from './redisProbe.ts';
import { whatAnswers } from './whatAnswers.ts';

/**
 * Does not throw while Redis is away, loading or full, because a program can wait for that to end.
 * @throws EnvironmentError if Redis cannot be used without a change by the operator
 */
export async function requireUsableRedis(url: string, prefix: string): Promise<void> {
  const found: { failure: RedisFailure | null } = { failure: null };
  const note = (error: unknown): void => {
    const failure = redisFailureOf(error);
    if (failure !== null && (found.failure === null || found.failure.isVague)) found.failure = failure;
  };
  const redis = connectRedis(url, { role: 'probe', onError: note });
  try {
    await probeRedis(redis, prefix);
    return;
  } catch (error) {
    note(error);
    if (found.failure === null) throw error;
  } finally {
    await closeRedis(redis);
  }
  const failure = (await whatAnswers(url)) ?? found.failure;
  if (failure.isMisconfigured) {
    throw new EnvironmentError([{ variable: 'REDIS_URL', message: `Redis ${failure.reason}. ${failure.remedy}` }]);
  }
}
