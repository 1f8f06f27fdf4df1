// Requests that never arrive as a whole: they are answered, their connections closed, and an upload of this kind leaves nothing.
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { redisTest as test } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi } from './fixtures/api.ts';
import { formBody, formParts, formType, table } from './fixtures/forms.ts';

test.for([
  ['JSON', '/jobs', 'application/json', Buffer.from('{"data":')],
  ['a file', '/weights', 'application/octet-stream', Buffer.alloc(100)],
  ['a form', '/datasets', formType, formBody(formParts({ file: table })).subarray(0, 160)],
] as const)('%s that stops coming is a 408', async ([, path, type, begun], { redis }) => {
  const api = await openApi(redis, { requestTimeoutMs: 200 });
  try {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(await api.listen()).port) });
    socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: 5000\r\n\r\n`);
    socket.write(begun);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"requestTimeout"');
    await until(async () => {
      const entries = await readdir(api.folder, { recursive: true, withFileTypes: true });
      return !entries.some((entry) => entry.isFile());
    });
  } finally {
    await api.close();
  }
});
