// The Redis of an integration test run: REDIS_URL, else a redis-server of the PATH run for this run alone, else the
// embedded one. A vitest globalSetup: the projects of one run share one server, the last one to end stops it.
import type { RedisKind } from '@trainyard/jobs';
import type { TestProject } from 'vitest/node';
import { startTestServer, type TestServer } from './testServer.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    redis: { readonly url: string; readonly kind: RedisKind };
  }
}

interface Shared {
  readonly server: Promise<TestServer>;
  projects: number;
}

// Every project may load a copy of this module, so what they share is kept where all copies look.
const shared = globalThis as { [key: symbol]: Shared | undefined };
const sharedKey = Symbol.for('trainyard.testServer');

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = (shared[sharedKey] ??= { server: startTestServer(process.env), projects: 0 });
  run.projects += 1;
  const server = await run.server;
  project.provide('redis', { url: server.url, kind: server.kind });
  return async () => {
    run.projects -= 1;
    if (run.projects > 0) return;
    shared[sharedKey] = undefined;
    await server.close();
  };
}
