// Keys in a file: what is written into it counts while the service runs.
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '@trainyard/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { openStream } from './fixtures/eventSource.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { type Home, openHome, startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

let home: Home;
beforeAll(async () => {
  home = await openHome();
});
afterAll(async () => await home.close());

type Key = ReturnType<typeof makeKey>;

/** A server whose keys are in a file. */
async function serve(name: string, ...keys: readonly Key[]) {
  const file = join(home.folder, name);
  const write = async (...entries: readonly string[]) => await writeFile(file, `${entries.join('\n')}\n`);
  await write(...keys.map(({ entry }) => entry));
  const server = startServer({ REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, TRAINYARD_API_KEYS: `@${file}` });
  const url = await server.ready();
  const status = async (key: Key) => (await fetch(`${url}/jobs`, { headers: bearer(key) })).status;
  const stop = async () => {
    server.child.kill('SIGTERM');
    return await server.stderr;
  };
  return { file, write, url, status, stop, logged: server.logged };
}

describe('while the service runs', () => {
  test('a key that is added to the file works, and a removed one does not', async () => {
    const [ada, bob] = [makeKey('ada'), makeKey('bob')];
    const { write, status, stop } = await serve('keys', ada);
    expect([await status(ada), await status(bob)]).toEqual([200, 401]);
    await write(bob.entry);
    await until(async () => (await status(ada)) === 401);
    expect(await status(bob)).toBe(200);
    // A key of the same name with another token is another key.
    const next = makeKey('bob');
    await write(next.entry);
    await until(async () => (await status(bob)) === 401);
    expect(await status(next)).toBe(200);
    await stop();
  });

  test('a weight that is changed in the file changes the order of the waiting jobs', async () => {
    const [ada, bob] = [makeKey('ada'), makeKey('bob')];
    const { write, url, stop } = await serve('weights', ada, bob);
    const post = async (key: Key): Promise<string> => {
      const headers = { 'content-type': 'application/json', ...bearer(key) };
      const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(tutorial) });
      return ((await answer.json()) as Job).id;
    };
    const positions = async (key: Key, ids: readonly string[]): Promise<(number | null)[]> => {
      const answers = await Promise.all(ids.map(async (id) => await fetch(`${url}/jobs/${id}`, { headers: bearer(key) })));
      return await Promise.all(answers.map(async (answer) => ((await answer.json()) as Job).queuePosition));
    };
    const adas = [await post(ada), await post(ada), await post(ada)];
    const bobs = [await post(bob), await post(bob)];
    expect([await positions(ada, adas), await positions(bob, bobs)]).toEqual([
      [1, 3, 5],
      [2, 4],
    ]);
    await write(`${ada.entry}:2`, bob.entry);
    await until(async () => (await positions(ada, adas))[1] === 2);
    expect([await positions(ada, adas), await positions(bob, bobs)]).toEqual([
      [1, 2, 4],
      [3, 5],
    ]);
    await stop();
  });

  test('a file that replaces it is read too', async () => {
    const [ada, bob] = [makeKey('ada'), makeKey('bob')];
    const { file, status, stop } = await serve('replaced', ada);
    await writeFile(`${file}.new`, bob.entry);
    await rename(`${file}.new`, file);
    await until(async () => (await status(bob)) === 200);
    expect(await status(ada)).toBe(401);
    await stop();
  });

  test.for([
    ['has an entry that is none', 'ada:user:short', /entry 1 is not name:role:sha256/],
    ['has no entry', '# nobody', /it has no entry/],
  ] as const)('a file that %s changes nothing, and is logged without its content', async ([, content, reason]) => {
    const ada = makeKey('ada');
    const { write, logged, status, stop } = await serve('broken', ada);
    await write(content);
    await until(() => reason.test(logged()));
    expect(await status(ada)).toBe(200);
    expect(await stop()).not.toContain('short');
  });

  test('streams of a removed key end', async () => {
    const [ada, bob] = [makeKey('ada'), makeKey('bob')];
    const { write, url, status, stop } = await serve('streams', ada, bob);
    const follow = async (key: Key) => {
      const made = await fetch(`${url}/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(key) },
        body: JSON.stringify(tutorial),
      });
      const { id } = (await made.json()) as { id: string };
      const client = await openStream(`${url}/jobs/${id}/events`, bearer(key));
      await client.until(() => client.events.length === 1);
      return { id, client };
    };
    const [theirs, others] = [await follow(ada), await follow(bob)];
    await write(bob.entry);
    await theirs.client.ended();
    expect(await status(ada)).toBe(401);
    await fetch(`${url}/jobs/${others.id}/cancel`, { method: 'POST', headers: bearer(bob) });
    await others.client.until(({ events }) => events.length === 2);
    await stop();
  });
});

test('a file without an entry is refused at the start, since without keys everybody on the machine is an admin', async () => {
  const file = join(home.folder, 'empty');
  await writeFile(file, '\n');
  const server = startServer({ REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, TRAINYARD_API_KEYS: `@${file}` });
  expect(await server.exit).toBe(1);
  expect(await server.stderr).toMatch(/^TRAINYARD_API_KEYS: the file \S+: it has no entry/);
});
