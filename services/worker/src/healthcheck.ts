// The container's health check: exits 0 when a worker of this host says in Redis that it is alive, as it does every few
// seconds. So it is unhealthy when it hangs, and when it cannot reach Redis.
import { hostname } from 'node:os';
import { closeRedis, connectRedis, servicePrefix, WorkerPresence } from '@trainyard/jobs/presence';

// The worker itself has checked it.
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
