// Starts the Redis of a test run, with its data in a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningRedis, startRedis } from '@trainyard/jobs';

export type TestServer = RunningRedis;

/** Starts the Redis that a service would use in this environment, and logs which one it is. */
export async function startTestServer(env: NodeJS.ProcessEnv): Promise<TestServer> {
  const home = await mkdtemp(join(tmpdir(), 'trainyard-tests-'));
  const redis = await startRedis({ home, log: (message) => console.log(`tests: ${message}`), env });
  return {
    ...redis,
    close: async () => {
      await redis.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
