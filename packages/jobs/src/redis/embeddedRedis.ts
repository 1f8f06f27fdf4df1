// A Redis inside this process, for a first run on a machine that has none. It forgets everything when the process ends.
import type { RunningRedis } from './startRedis.ts';

/** Starts it on a free loopback port. */
export async function startEmbeddedRedis(log: (message: string) => void): Promise<RunningRedis> {
  // Loaded only here: it brings a Lua interpreter, which most processes never need.
  const { createRedisServer } = await import('js-redis-server');
  const server = await createRedisServer({ port: 0 });
  log(
    'Redis is the embedded one, neither durable nor fast: jobs are forgotten when this process ends, and a queue of many jobs is slow. ' +
      'Install redis-server for real use (Debian: apt-get install redis-server).',
  );
  let closed: Promise<void> | null = null;
  return {
    url: `redis://127.0.0.1:${server.port}`,
    kind: 'embedded',
    close: () => (closed ??= server.close()),
  };
}
