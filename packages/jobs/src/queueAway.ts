// Handles a failure to wake workers while Redis is unavailable. Nothing is lost, because the job is already recorded.
import { isRedisUnavailable } from './redis/redisFailure.ts';

/** Ignores an error that means that Redis is unavailable: `reconcileQueue` adds the missing wake-up later. @throws other errors */
export function leaveToReconcile(error: unknown): void {
  if (!isRedisUnavailable(error)) throw error;
}
