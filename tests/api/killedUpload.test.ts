// An API that is killed in the middle of an upload: the next one that starts removes what it left.
import { readdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { formBody, formParts, formType } from './fixtures/forms.ts';
import { openHome, startServer } from './fixtures/serverProcess.ts';

test('what a killed API had received of an upload is gone after the next start', async () => {
  const home = await openHome();
  const env = { REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, LOG_LEVEL: 'silent' };
  const files = async () => {
    const entries = await readdir(join(home.folder, 'artifacts'), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile());
  };
  const killed = startServer(env);
  try {
    const body = formBody(formParts({ file: new Uint8Array(1_000_000) }));
    const upload = httpRequest(new URL('/datasets', await killed.ready()), {
      method: 'POST',
      headers: { 'content-type': formType, 'content-length': body.length },
    });
    upload.on('error', () => {});
    upload.write(body.subarray(0, 600_000));
    await until(async () => (await files()).length > 0);
    killed.child.kill('SIGKILL');
    await killed.exit;
    expect(await files()).toHaveLength(1);

    const next = startServer(env);
    await next.ready();
    expect(await files()).toEqual([]);
    next.child.kill('SIGTERM');
    await next.exit;
  } finally {
    killed.child.kill('SIGKILL');
    await home.close();
  }
});
