// What it means that the queue could not be told because Redis is away: nothing is lost, for the record decides.
import { isRedisUnavailable } from './redis/redisFailure.ts';

/** The job is recorded: its outbox entry brings it into the queue when Redis is back. */
export function leaveToOutbox(error: unknown): void {
  if (!isRedisUnavailable(error)) throw error;
}

/** A delivery that could not be removed comes to nothing when a worker claims the job. */
export function leaveToClaim(error: unknown): void {
  if (!isRedisUnavailable(error)) throw error;
}
