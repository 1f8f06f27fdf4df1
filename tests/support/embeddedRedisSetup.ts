// The embedded Redis for a project that tests on it, whatever else this machine has. A vitest globalSetup.
import type { TestProject } from 'vitest/node';
import { startTestServer } from './testServer.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Without REDIS_URL and PATH there is nothing else to find.
  const server = await startTestServer({});
  project.provide('redis', { url: server.url, kind: server.kind });
  return async () => await server.close();
}
