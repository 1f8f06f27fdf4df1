// A vitest globalSetup for tests on the embedded Redis, even if this machine has another Redis.
import type { TestProject } from 'vitest/node';
import { startTestServers } from './testServer.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The environment is empty: without REDIS_URL and PATH, no other Redis is found.
  const servers = await startTestServers({}, project.vitest.config.maxWorkers);
  project.provide('redis', { urls: servers.urls, kind: servers.kind });
  return async () => await servers.close();
}
