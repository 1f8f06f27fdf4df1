// Runs the embedded Redis in a separate process. In a process that runs tests, it could respond only while no test computes.
import { startRedis } from '@trainyard/jobs';

// The environment is empty: without REDIS_URL and PATH, startRedis finds no other Redis.
const redis = await startRedis({ home: '', log: () => undefined, env: {} });
process.on('disconnect', () => process.exit());
process.send?.(redis.url);
