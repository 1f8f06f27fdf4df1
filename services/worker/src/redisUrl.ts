// A worker on its own shares a Redis with others, so it must be told which: `npm start` starts a private one for its own.
import { type Environment, EnvironmentError } from '@trainyard/jobs';

/** @throws EnvironmentError when there is none */
export function redisUrlOf({ redisUrl }: Environment): string {
  if (redisUrl !== null) return redisUrl;
  throw new EnvironmentError([
    {
      variable: 'REDIS_URL',
      message: 'a worker needs the URL of its Redis, such as redis://127.0.0.1:6379; npm start starts one of its own',
    },
  ]);
}
