// The memory limits of docker-compose.yml: each container has one, and its programs fit within it.
import { readFile } from 'node:fs/promises';
import { defaultLimits } from '@trainyard/engine';
import { environmentDefaults } from '@trainyard/jobs';
import { expect, test } from 'vitest';

const read = async (path: string): Promise<string> => await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const units: Readonly<Record<string, number>> = { m: 2 ** 20, mb: 2 ** 20, g: 2 ** 30 };

function bytesOf(text: string | undefined): number {
  const [, number, unit = ''] = /^(\d+)([a-z]+)$/.exec(text ?? '') ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}

/** The part of the file that describes a service. */
const serviceOf = (compose: string, name: string): string =>
  new RegExp(`^  ${name}:\\n(?:(?:    [^\\n]*)?\\n)+`, 'm').exec(compose)?.[0] ?? '';

/** Of a service, by default, in bytes. */
async function memoryLimit(service: string): Promise<number> {
  const name = `${service.toUpperCase()}_MEMORY_LIMIT`;
  return bytesOf(new RegExp(`mem_limit: \\$\\{${name}:-(\\w+)\\}`).exec(serviceOf(await read('docker-compose.yml'), service))?.[1]);
}

test('Redis has room for a second copy of its data', async () => {
  const maxmemory = bytesOf(/^maxmemory (\w+)$/m.exec(await read('docker/redis.conf'))?.[1]);
  expect(await memoryLimit('redis')).toBeGreaterThanOrEqual(2 * maxmemory);
});

test('a worker has room for the largest job, its heap, and the processes beside it', async () => {
  const heap = 2 ** 30;
  const beside = 2 ** 29;
  expect(await memoryLimit('worker')).toBeGreaterThanOrEqual(defaultLimits.memoryBytes + heap + beside);
});

test('the API has room for itself, the uploads that it reads and the predictions that it computes at the same time', async () => {
  const {
    TRAINYARD_UPLOAD_READERS: readers,
    TRAINYARD_PREDICT_PROCESSES: predictors,
    TRAINYARD_PREDICT_MEMORY_BYTES: prediction,
  } = environmentDefaults;
  const limit = await memoryLimit('api');
  // A short try is read beside the readers, and a spare process is ready beside the predictors. A reader may use an eighth of the limit.
  const uploads = (Number(readers) + 1) * (limit / 8);
  const predictions = (Number(predictors) + 1) * Number(prediction);
  expect(limit).toBeGreaterThanOrEqual(2 ** 30 + uploads + predictions);
});

test('the limits are those that .env.example and the documentation show', async () => {
  const [example, operating] = await Promise.all([read('.env.example'), read('docs/operating.md')]);
  for (const [service, name] of [
    ['redis', 'Redis'],
    ['api', 'the API'],
    ['worker', 'each worker'],
  ] as const) {
    const gibibytes = (await memoryLimit(service)) / 2 ** 30;
    expect(example).toContain(`# ${service.toUpperCase()}_MEMORY_LIMIT=${gibibytes}g\n`);
    expect(operating).toContain(`${name} ${gibibytes} GiB`);
  }
});
