// The health check of the worker's container. Every worker announces itself in Redis every few seconds. The check exits with 0 if a worker
// of this host has announced itself lately. So a worker that hangs or cannot reach Redis is unhealthy.
import { hostname } from 'node:os';
import { closeRedis, connectRedis, servicePrefix, WorkerPresence } from '@trainyard/jobs/presence';

// The worker has already checked that REDIS_URL is set.
const redis = connectRedis(process.env['REDIS_URL'] ?? '', { role: 'api' });
try {
  const workers = await new WorkerPresence({ redis, prefix: servicePrefix }).list();
  const here = workers.filter(({ host }) => host === hostname());
  console.log(here.length === 0 ? 'no worker of this host is alive' : `alive: ${here.map(({ name }) => name).join(', ')}`);
  process.exitCode = here.length === 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await closeRedis(redis);
}
