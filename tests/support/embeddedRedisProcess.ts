// Runs the embedded Redis in a separate process. In the process of the tests, it could not respond while a test computes.
import { startRedis } from '@trainyard/jobs';

// The environment is empty: without REDIS_URL and PATH, startRedis finds no other Redis.
const redis = await startRedis({ home: '', log: () => undefined, env: {} });
process.on('disconnect', () => process.exit());
process.send?.(redis.url);
