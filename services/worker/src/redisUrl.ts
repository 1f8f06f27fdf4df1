// Requires the URL of Redis for a worker that is started on its own. Only `npm start` starts a Redis by itself.
import { type Environment, EnvironmentError } from '@trainyard/jobs';

/** Returns the URL of Redis. @throws EnvironmentError if it is not set */
export function redisUrlOf({ redisUrl }: Environment): string {
  if (redisUrl !== null) return redisUrl;
  throw new EnvironmentError([
    {
      variable: 'REDIS_URL',
      message: 'a worker needs the URL of its Redis, such as redis://127.0.0.1:6379; only npm start starts a Redis by itself',
    },
  ]);
}
