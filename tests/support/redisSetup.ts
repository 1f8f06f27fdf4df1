// A vitest globalSetup that provides the Redis for a test run: the server of REDIS_URL, otherwise a private redis-server, otherwise
// embedded servers. The projects of one run share these servers, and the last project to end stops them.
import type { RedisKind } from '@trainyard/jobs';
import type { TestProject } from 'vitest/node';
import { startTestServers, type TestServers } from './testServer.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** One address, or one for each test file that runs at the same time. */
    redis: { readonly urls: readonly string[]; readonly kind: RedisKind };
  }
}

interface Shared {
  readonly servers: Promise<TestServers>;
  projects: number;
}

// Each project may load its own copy of this module, so the shared state is stored globally.
const shared = globalThis as { [key: symbol]: Shared | undefined };
const sharedKey = Symbol.for('trainyard.testServer');

/** Starts the Redis of the run. If it is embedded, logs that, because some tests are then skipped. */
async function startForRun(files: number): Promise<TestServers> {
  const servers = await startTestServers(process.env, files);
  if (servers.kind === 'embedded')
    console.log('tests: the PATH has no redis-server: the tests use the embedded Redis, and those that need a redis-server are skipped');
  return servers;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = (shared[sharedKey] ??= {
    servers: startForRun(project.vitest.config.maxWorkers),
    projects: 0,
  });
  run.projects += 1;
  const servers = await run.servers;
  project.provide('redis', { urls: servers.urls, kind: servers.kind });
  return async () => {
    run.projects -= 1;
    if (run.projects > 0) return;
    shared[sharedKey] = undefined;
    await servers.close();
  };
}
