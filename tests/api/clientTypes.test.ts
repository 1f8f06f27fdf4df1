// The types that a generator makes of the OpenAPI document, with its default options, as a user's program meets them: a minimal spec is
// one, and what comes back is typed.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, afterAll, describe, expect } from 'vitest';
import { redisTest as test, type TestRedis } from '../support/redis.ts';
import { openApi } from './fixtures/api.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const generator = join(root, 'tests/clients/node_modules/openapi-typescript/bin/cli.js');
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const run = promisify(execFile);

const client = `import createClient from 'openapi-fetch';
import type { components, paths } from './api.ts';
const api = createClient<paths>({ baseUrl: 'http://127.0.0.1:3000' });
type Same<A, B> = [A, B] extends [B, A] ? true : false;
const isTrue = <T extends true>(): T | undefined => undefined;
`;

const valid = {
  'a minimal spec': `await api.POST('/jobs', { body: {
    data: { dataset: 'digits' },
    model: { layers: [{ type: 'conv2d', outChannels: 4, kernelSize: 3 }, { type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' }, optimizer: { type: 'sgd', learningRate: 0.1 }, epochs: 1 } });`,
  'a spec with a preset, a scheduler and transforms': `await api.POST('/jobs', { body: {
    data: { dataset: 'digits', transforms: [{ type: 'horizontalFlip' }, { type: 'normalize', mean: [0.5], std: [0.5] }] },
    model: { preset: 'lenet5' }, loss: { type: 'crossEntropy', labelSmoothing: 0.1 }, optimizer: { type: 'adamW' },
    scheduler: { type: 'step', stepSize: 2 }, epochs: 3 } });`,
  'a spec in a variable': `const body: components['schemas']['NewJob'] = {
    data: { dataset: 'random', inputShape: [4], targetShape: [2], samples: 8 },
    model: { layers: [{ type: 'linear', outFeatures: 2 }] }, loss: { type: 'mse' }, optimizer: { type: 'adam' }, epochs: 1 };
    await api.POST('/jobs', { body });`,
  'a sweep': `await api.POST('/sweeps', { body: {
    spec: { data: { dataset: 'digits' }, model: { preset: 'lenet5' }, loss: { type: 'crossEntropy' }, optimizer: { type: 'adam' }, epochs: 1 },
    space: { '/optimizer/learningRate': { type: 'logUniform', min: 0.001, max: 1 } }, strategy: { type: 'random' }, maxJobs: 3, metric: 'testAccuracy' } });`,
  'a fork with changes': `await api.POST('/jobs/{id}/fork', { params: { path: { id: 'job_1' } }, body: { epochs: 5 } });`,
  'a page of events': `const { data: page } = await api.GET('/jobs/{id}/events', { params: { path: { id: 'job_1' }, query: { type: 'epoch,status' } } });
    for (const event of page?.data ?? []) {
      if (event.event === 'epoch') { isTrue<Same<typeof event.data.trainLoss, number | null>>(); isTrue<Same<typeof event.data.epoch, number>>(); }
      if (event.event === 'status') event.data.status satisfies 'queued' | 'running' | string;
    }
    isTrue<Same<NonNullable<typeof page>['nextCursor'], string | null>>();`,
  'a job': `const { data: job, error } = await api.GET('/jobs/{id}', { params: { path: { id: 'job_1' } } });
    if (error) { isTrue<Same<typeof error.code, string>>(); }
    if (job?.result) { isTrue<Same<typeof job.result.weightsSha256, string>>(); }
    if (job) { isTrue<Same<typeof job.spec.data.batchSize, number>>(); }`,
};

const invalid = {
  'a spec without epochs': `await api.POST('/jobs', { body: { data: { dataset: 'digits' }, model: { preset: 'lenet5' }, loss: { type: 'mse' }, optimizer: { type: 'adam' } } });`,
  'an unknown layer': `await api.POST('/jobs', { body: { data: { dataset: 'digits' }, model: { layers: [{ type: 'conv4d' }] }, loss: { type: 'mse' }, optimizer: { type: 'adam' }, epochs: 1 } });`,
  'an event of no type': `const { data: page } = await api.GET('/jobs/{id}/events', { params: { path: { id: 'job_1' } } });
    for (const event of page?.data ?? []) if (event.event === 'nothing') console.log(event);`,
};

let folder = '';

/** Generates the types once, and programs beside them. */
async function generate(redis: TestRedis): Promise<void> {
  const api = await openApi(redis);
  await writeFile(join(folder, 'openapi.json'), (await api.get('/openapi.json')).body);
  await api.close();
  await run(process.execPath, [generator, 'openapi.json', '-o', 'api.ts'], { cwd: folder });
  const programs = Object.entries({ ...valid, ...invalid });
  await Promise.all(programs.map(async ([name, code]) => await writeFile(join(folder, fileOf(name)), `${client}${code}\nexport {};\n`)));
}

const fileOf = (name: string): string => `${name.replaceAll(' ', '-')}.ts`;

/** What the compiler says, by file. */
async function complaints(): Promise<Map<string, string>> {
  const options = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', '--allowImportingTsExtensions'];
  const files = Object.keys({ ...valid, ...invalid }).map(fileOf);
  const output = await run(process.execPath, [compiler, ...options, ...files], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { readonly stdout: string }).stdout,
  );
  const found = new Map<string, string>();
  for (const [, file = '', message = ''] of output.matchAll(/^(\S+?\.ts)\(.*?\): (error .*)$/gm))
    found.set(file, `${found.get(file) ?? ''}${message}\n`);
  return found;
}

describe('types that openapi-typescript generates by its default options', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trainyard-client-types-'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  });
  afterAll(async () => await rm(folder, { recursive: true, force: true }));

  test('accept what users write, and refuse mistakes', async ({ redis }) => {
    await generate(redis);
    const found = await complaints();
    for (const name of Object.keys(valid)) expect([name, found.get(fileOf(name)) ?? '']).toEqual([name, '']);
    for (const name of Object.keys(invalid))
      expect([name, found.get(fileOf(name)) ?? '']).toEqual([name, expect.stringContaining('error TS')]);
  });
});
