// The process that reads an upload ends without an answer: the client and the log learn how, and memory is blamed only where it was memory.
import { getPriority } from 'node:os';
import type { Problem } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import { pino } from 'pino';
import { beforeEach, describe, expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi } from './fixtures/api.ts';
import { canFindProcesses, childrenRunning } from './fixtures/childProcesses.ts';
import { formParts, upload } from './fixtures/forms.ts';
import { bearer, makeKey, type TestKey } from './fixtures/keys.ts';

const large = Buffer.from(`a,b,y\n${'0.125,0.25,x\n0.5,0.75,y\n'.repeat(200_000)}`);
const readers = (): number[] => childrenRunning('readerProcess');

// Processes of an earlier test, or of another test file in the same process, may not have ended yet.
beforeEach(async () => await until(() => !canFindProcesses || readers().length === 0));

describe.skipIf(!canFindProcesses)('a reader that is ended by', () => {
  redisTest.for<[NodeJS.Signals, number, string, string]>([
    ['SIGSEGV', 500, 'internal', 'ended unexpectedly (signal SIGSEGV)'],
    ['SIGKILL', 422, 'invalidDataset', 'reading them needs too much memory'],
  ])('%s is reported with its real reason', async ([signal, status, code, detail], { redis, onTestFinished }) => {
    const lines: { level: number; signal?: string }[] = [];
    const log = pino({}, { write: (line) => void lines.push(JSON.parse(line) as { level: number }) });
    const api = await openApi(redis, { log });
    onTestFinished(async () => await api.close());
    const answer = upload(api, formParts({ file: large }));
    await until(() => readers().length > 0);
    for (const pid of readers()) process.kill(pid, signal);
    const response = await answer;
    expect([response.statusCode, response.json<Problem>().code]).toEqual([status, code]);
    expect(response.json<Problem>().detail).toContain(detail);
    expect(lines.filter((line) => line.signal === signal).map(({ level }) => level)).toEqual([50]);
  });
});

redisTest('an upload whose reader needs more memory than allowed is a 422', async ({ redis, onTestFinished }) => {
  // The limit is below the memory of a process that has just started.
  const api = await openApi(redis, { uploadReader: { memoryBytes: 1e6 } });
  onTestFinished(async () => await api.close());
  const response = await upload(api, formParts({ file: large }));
  expect([response.statusCode, response.json<Problem>().detail]).toEqual([
    422,
    'the files cannot be read: reading them needs too much memory. Send smaller files.',
  ]);
});

describe.skipIf(!canFindProcesses)('a process that has read an upload', () => {
  const keys = [makeKey('ada'), makeKey('bob')] as const;
  const [ada, bob] = keys;
  const apiKeys = parseApiKeys(keys.map(({ entry }) => entry).join());

  redisTest(
    'reads the next upload of the same key, is replaced after it was killed, and ends with the app',
    async ({ redis, onTestFinished }) => {
      const api = await openApi(redis, { apiKeys, uploadReader: { keptMs: 2 ** 30, yieldMs: 2 ** 30 } });
      onTestFinished(async () => await api.close());
      const send = async (key: TestKey, content: string): Promise<number> =>
        (await upload(api, formParts({ file: Buffer.from(content) }), bearer(key))).statusCode;
      expect(await send(ada, 'a,b\n1,x\n')).toBe(201);
      const [first] = readers();
      expect(await send(ada, 'a,b\n2,x\n')).toBe(201);
      expect(await send(ada, 'not,a\ntable\n')).toBe(422);
      expect(readers()).toEqual([first]);
      expect(await send(bob, 'a,b\n1,x\n')).toBe(201);
      expect(readers()).toHaveLength(2);
      // The app notices a moment later that the readers were killed. Before that, it must not blame the next file for their end.
      for (const pid of readers()) process.kill(pid, 'SIGKILL');
      expect(await send(ada, 'a,b\n3,x\n')).toBe(201);
      // A killed process may take a moment to end.
      await until(() => readers().length === 1);
      await api.close();
      await until(() => readers().length === 0);
    },
  );

  redisTest(
    'can be a spare one that was started before the first upload of a key, and then reads for this key only',
    async ({ redis, onTestFinished }) => {
      const api = await openApi(redis, { apiKeys, uploadReader: { keptMs: 2 ** 30, yieldMs: 2 ** 30, spareMs: 1 } });
      onTestFinished(async () => await api.close());
      const send = async (key: TestKey): Promise<number> =>
        (await upload(api, formParts({ file: Buffer.from('a,b\n1,x\n') }), bearer(key))).statusCode;
      await until(() => readers().length === 1);
      const [spare] = readers();
      expect(await send(ada)).toBe(201);
      await until(() => readers().length === 2);
      expect(await send(bob)).toBe(201);
      await until(() => readers().length === 3);
      expect(readers()).toContain(spare);
      // This dataset exists already.
      expect(await send(ada)).toBe(200);
      expect(readers()).toHaveLength(3);
      await api.close();
      await until(() => readers().length === 0);
    },
  );

  redisTest('ends if no other upload arrives', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { uploadReader: { keptMs: 1, yieldMs: 2 ** 30 } });
    onTestFinished(async () => await api.close());
    expect((await upload(api, formParts({ file: Buffer.from('a,b\n1,x\n') }))).statusCode).toBe(201);
    await until(() => readers().length === 0);
  });

  redisTest('gets a lower priority if reading takes long, and is not used again', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { uploadReader: { keptMs: 2 ** 30, yieldMs: 1 } });
    onTestFinished(async () => await api.close());
    const answer = upload(api, formParts({ file: large }));
    await until(() => readers().some((pid) => priorityOf(pid) === 10));
    expect((await answer).statusCode).toBe(201);
    await until(() => readers().length === 0);
  });
});

/** Returns the niceness of a process; null if it has ended. */
function priorityOf(pid: number): number | null {
  try {
    return getPriority(pid);
  } catch {
    return null;
  }
}

redisTest('an upload that fills the heap of its reader is a 422', async ({ redis, onTestFinished }) => {
  const api = await openApi(redis, { uploadReader: { heapMegabytes: 12 } });
  onTestFinished(async () => await api.close());
  const names = Array.from({ length: 90_000 }, (_, i) => `a column with a name of its own ${i}`).join();
  const response = await upload(api, formParts({ file: Buffer.from(`${names}\n${'1,'.repeat(89_999)}2\n`) }));
  expect([response.statusCode, response.json<Problem>().detail]).toEqual([
    422,
    'the files cannot be read: reading them needs too much memory. Send smaller files.',
  ]);
});
