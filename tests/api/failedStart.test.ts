// An API whose services cannot be created: nothing of what was open stays open.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { apiConfig, createServices } from '@trainyard/api';
import { CloseStack, connectRedis, openConnections, readEnvironment } from '@trainyard/jobs';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { hasRedisProcess } from '../support/redis.ts';
import { openHome } from './fixtures/serverProcess.ts';

test.skipIf(!hasRedisProcess)('an API that cannot open its storage closes its connections', async ({ onTestFinished }) => {
  // A Redis of its own, so that all connections to it are those of the test.
  const home = await openHome();
  const { folder, redis } = home;
  const observer = connectRedis(redis.url, { role: 'worker' });
  onTestFinished(async () => {
    observer.disconnect();
    await home.close();
  });
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  const config = { ...apiConfig(readEnvironment({})), home: folder, artifactsUrl: pathToFileURL(join(file, 'artifacts')).href };
  const log = pino({ level: 'silent' });
  const stack = new CloseStack();
  const connections = openConnections({ redisUrl: redis.url, prefix: 'failed-start', log, meanwhile: 'requests fail' });
  stack.defer(() => connections.close());
  await connections.check();
  await expect(createServices(config, { connections, log, stack })).rejects.toMatchObject({ code: 'ENOTDIR' });
  const connected = async (): Promise<number> =>
    String(await observer.client('LIST'))
      .trim()
      .split('\n').length;
  expect(await connected()).toBeGreaterThan(1);
  await stack.close();
  await expect.poll(connected).toBe(1);
});
