// The embedded Redis in a process of its own. In the process that runs the tests it would answer only when that has nothing else to do.
import { startRedis } from '@trainyard/jobs';

// Without REDIS_URL and PATH no other Redis is found.
const redis = await startRedis({ home: '', log: () => undefined, env: {} });
process.on('disconnect', () => process.exit());
process.send?.(redis.url);
