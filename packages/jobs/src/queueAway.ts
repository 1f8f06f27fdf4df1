// What it means that workers could not be woken because Redis is away: nothing is lost, for the job is recorded.
import { isRedisUnavailable } from './redis/redisFailure.ts';

/** The missing wake-up is added when Redis is back. */
export function leaveToReconcile(error: unknown): void {
  if (!isRedisUnavailable(error)) throw error;
}
