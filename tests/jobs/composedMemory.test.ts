// Tests the memory limits of the containers in docker-compose.yml: the programs of each container fit into its limit.
import { readFile } from 'node:fs/promises';
import { defaultLimits } from '@trainyard/engine/spec';
import { environmentDefaults } from '@trainyard/jobs';
import { expect, test } from 'vitest';

const read = async (path: string): Promise<string> => await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const units: Readonly<Record<string, number>> = { m: 2 ** 20, mb: 2 ** 20, g: 2 ** 30 };

/** Parses a size such as `512m`. Returns NaN if the text is not a size or has an unknown unit. */
function bytesOf(text: string | undefined): number {
  const [, number, unit = ''] = /^(\d+)([a-z]+)$/.exec(text ?? '') ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}

/** Returns the part of docker-compose.yml that describes a service. */
const serviceOf = (compose: string, name: string): string =>
  new RegExp(`^  ${name}:\\n(?:(?:    [^\\n]*)?\\n)+`, 'm').exec(compose)?.[0] ?? '';

/** Returns the default memory limit of a service, in bytes. */
async function memoryLimit(service: string): Promise<number> {
  const name = `${service.toUpperCase()}_MEMORY_LIMIT`;
  return bytesOf(new RegExp(`mem_limit: \\$\\{${name}:-(\\w+)\\}`).exec(serviceOf(await read('docker-compose.yml'), service))?.[1]);
}

test('Redis has room for a second copy of its data', async () => {
  const maxmemory = bytesOf(/^maxmemory (\w+)$/m.exec(await read('docker/redis.conf'))?.[1]);
  expect(await memoryLimit('redis')).toBeGreaterThanOrEqual(2 * maxmemory);
});

test('a worker has room for the largest job, its heap and the other processes', async () => {
  const heap = 2 ** 30;
  const others = 2 ** 29;
  expect(await memoryLimit('worker')).toBeGreaterThanOrEqual(defaultLimits.memoryBytes + heap + others);
});

test('the API has room for itself and for all uploads and predictions that run at the same time', async () => {
  const {
    TRAINYARD_UPLOAD_READERS: readers,
    TRAINYARD_PREDICT_PROCESSES: predictors,
    TRAINYARD_PREDICT_MEMORY_BYTES: prediction,
  } = environmentDefaults;
  const limit = await memoryLimit('api');
  // Uploads: all readers, and one more process for the short try of an upload. Each may use an eighth of the limit. Predictions: all
  // predictors, and a killed predictor that is still ending while the next one starts.
  const uploads = (Number(readers) + 1) * (limit / 8);
  const predictions = (Number(predictors) + 1) * Number(prediction);
  expect(limit).toBeGreaterThanOrEqual(2 ** 30 + uploads + predictions);
});

test('.env.example and docs/operating.md show the same limits', async () => {
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
