// A vitest globalSetup for tests on the embedded Redis, even if this machine has another Redis.
import type { TestProject } from 'vitest/node';
import { startTestServer } from './testServer.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Without REDIS_URL and PATH no other Redis is found.
  const server = await startTestServer({});
  project.provide('redis', { url: server.url, kind: server.kind });
  return async () => await server.close();
}
