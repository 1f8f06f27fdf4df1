// Starts the Redis that a test run uses, in a folder that goes with it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningRedis, startRedis } from '@trainyard/jobs';

export type TestServer = RunningRedis;

/** As a service finds one in this environment; says which. */
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
