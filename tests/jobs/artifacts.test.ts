// Tests that each artifact in a folder is complete or missing, has a correct digest, and leaves no unfinished file.
import { execFile, fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FolderArtifactStore } from '@trainyard/jobs';
import { test as baseTest, describe, expect } from 'vitest';

const run = promisify(execFile);
const jobId = 'job_01JZZZZZZZZZZZZZZZZZZZZZZZ';
const name = 'model.safetensors';

const test = baseTest.extend('root', async ({ task: _task }, { onCleanup }) => {
  const root = await mkdtemp(join(tmpdir(), 'trainyard-artifacts-'));
  onCleanup(async () => await rm(root, { recursive: true }));
  return root;
});

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function unfinished(root: string): Promise<string[]> {
  return await readdir(join(root, '.unfinished'), { recursive: true });
}

async function content(stream: Promise<Readable>): Promise<Buffer> {
  return await buffer(await stream);
}

describe('an artifact', () => {
  test('is stored by moving a finished file to its name', async ({ root }) => {
    const store = await FolderArtifactStore.open(root);
    const bytes = randomBytes(3_000_000);
    const path = store.temporaryFile();
    await writeFile(path, bytes);
    const stored = { bytes: bytes.length, sha256: digest(bytes) };
    expect(await store.putFile(jobId, name, path)).toEqual(stored);
    expect(await store.stat(jobId, name)).toEqual(stored);
    expect(digest(await content(store.open(jobId, name)))).toBe(stored.sha256);
    expect(digest(await readFile(join(root, jobId, name)))).toBe(stored.sha256);
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await store.close();
  });

  test('has a correct digest, also if its file was changed by hand or the stored digest is missing or broken', async ({ root }) => {
    const store = await FolderArtifactStore.open(root);
    await store.putBytes(jobId, name, Buffer.from('one'));
    const path = join(root, jobId, name);
    await writeFile(path, 'two');
    await utimes(path, new Date(), new Date(Date.now() + 5_000));
    expect(await store.stat(jobId, name)).toEqual({ bytes: 3, sha256: digest(Buffer.from('two')) });
    const note = join(root, jobId, `.${name}.digest`);
    for (const spoil of [
      async () => await rm(note),
      async () => await writeFile(note, '{"bytes":3,'),
      async () => await writeFile(note, 'null'),
    ]) {
      await spoil();
      expect(await store.stat(jobId, name)).toEqual({ bytes: 3, sha256: digest(Buffer.from('two')) });
    }
    await store.close();
  });

  test('is deleted with its job', async ({ root }) => {
    const store = await FolderArtifactStore.open(root);
    await store.putBytes(jobId, name, Buffer.from('weights'));
    await store.putBytes(jobId, 'spec.json', Buffer.from('{}'));
    await store.deleteJob(jobId);
    expect(await store.stat(jobId, name)).toBeNull();
    expect(await readdir(root)).toEqual(['.unfinished']);
    await store.close();
  });

  test('is never outside of the folder', async ({ root }) => {
    const store = await FolderArtifactStore.open(join(root, 'inner'));
    for (const [job, file] of [
      ['..', name],
      ['job_../../x', name],
      [jobId, '../x'],
      [jobId, '..'],
      [jobId, '.hidden'],
      [jobId, 'a/b'],
      [jobId, ''],
      ['', name],
    ] as const) {
      for (const act of [
        async () => await store.putBytes(job, file, Buffer.from('x')),
        async () => await store.stat(job, file),
        async () => await store.open(job, file),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'invalidArtifactName' });
      }
    }
    await expect(store.deleteJob('..')).rejects.toMatchObject({ code: 'invalidArtifactName' });
    await store.close();
    expect(await readdir(root)).toEqual(['inner']);
  });
});

describe('an unfinished file after a crash', () => {
  test('is removed at the next start, while unfinished files of running processes stay', async ({ root }) => {
    const writer = await FolderArtifactStore.open(root);
    await writeFile(writer.temporaryFile(), 'half of the wei');
    const child = fork(new URL('fixtures/crashWhileWriting.ts', import.meta.url), [root], { stdio: 'ignore' });
    const [leftover] = (await once(child, 'message')) as [string];
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readFile(leftover, 'utf8')).toBe('half of the weights');

    const next = await FolderArtifactStore.open(root);
    await expect(stat(leftover)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await unfinished(root)).filter((path) => path.includes('/'))).toHaveLength(1);
    expect(await readdir(root)).toEqual(['.unfinished']);
    await writer.close();
    await next.close();
    expect(await unfinished(root)).toEqual([]);
  });

  test('of an earlier process with the same id is removed, and one of another machine only if it is old', async ({ root }) => {
    const leftovers = {
      reusedId: join(root, '.unfinished', `${encodeURIComponent(hostname())}~${process.pid}~a`),
      elsewhereNow: join(root, '.unfinished', 'elsewhere~1~b'),
      elsewhereLongAgo: join(root, '.unfinished', 'elsewhere~1~c'),
    };
    for (const folder of Object.values(leftovers)) await mkdir(folder, { recursive: true });
    const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
    await utimes(leftovers.elsewhereLongAgo, twoDaysAgo, twoDaysAgo);
    const store = await FolderArtifactStore.open(root);
    await store.close();
    expect(await unfinished(root)).toEqual(['elsewhere~1~b']);
  });
});

describe('a folder on a full disk', () => {
  test('gives an error and leaves no unfinished file', async ({ root }) => {
    // Limits the size of files instead of filling a disk. In both cases the system refuses to write.
    const script = fileURLToPath(new URL('fixtures/storeArtifact.ts', import.meta.url));
    const limited = 'ulimit -f 64; exec "$0" "$@"';
    const { stdout } = await run('/bin/sh', ['-c', limited, process.execPath, script, root, jobId, name, '1000000']);
    expect(JSON.parse(stdout)).toEqual({ code: 'diskFull', artifact: `${jobId}/${name}`, stat: null });
    expect(await unfinished(root)).toEqual([]);
  });
});
