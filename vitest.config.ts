// Which tests exist and in which group they run: one project per area under tests/, so that `vitest run --project
// <area>` picks one. Tests import the built packages, so `npm test` builds before it comes here.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { hangLimits } from './tests/support/hangLimits.ts';
import { WaitingFilesFirst } from './tests/support/waitingFilesFirst.ts';

/** Tests of the engine that measure the memory of their process. Each file runs in a separate process. */
const ofOwnProcess = ['tests/engine/memory.test.ts', 'tests/engine/garbage.test.ts'];

export default defineConfig({
  test: {
    // At least four files at a time, also on two cores, because many tests wait for processes.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    sequence: { sequencer: WaitingFilesFirst },
    ...hangLimits,
    // Tests start the same few programs hundreds of times. With the cache Node does not compile them each time.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node-compile-cache', import.meta.url)) },
    // Vitest imports the built packages without transforming them. To transform them for each test file would take longer than many tests.
    server: { deps: { external: [/\/(packages|services)\/[a-z]+\/dist\//] } },
    // With `isolate: false` the files of a project share processes, which load each module once. So a test must leave no state behind.
    projects: [
      {
        extends: true,
        test: {
          name: 'engine',
          isolate: false,
          setupFiles: ['tests/support/defaultBackend.ts'],
          include: ['tests/engine/**/*.test.ts'],
          exclude: ofOwnProcess,
        },
      },
      { extends: true, test: { name: 'engine memory', include: ofOwnProcess } },
      {
        extends: true,
        test: {
          name: 'conformance',
          isolate: false,
          setupFiles: ['tests/support/defaultBackend.ts'],
          include: ['tests/conformance/**/*.test.ts'],
          // It needs real data.
          exclude: process.env['TRAINYARD_DATASETS'] === undefined ? ['tests/conformance/digits-read-mnist.test.ts'] : [],
        },
      },
      {
        extends: true,
        test: {
          name: 'jobs',
          isolate: false,
          include: ['tests/jobs/**/*.test.ts'],
          globalSetup: ['tests/support/redisSetup.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'api', isolate: false, include: ['tests/api/**/*.test.ts'], globalSetup: ['tests/support/redisSetup.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'worker',
          isolate: false,
          include: ['tests/worker/**/*.test.ts'],
          globalSetup: ['tests/support/redisSetup.ts'],
        },
      },
      // Its tests start several processes each.
      { extends: true, test: { name: 'e2e', include: ['tests/e2e/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'jobs on the embedded Redis',
          include: ['tests/jobs/onRedis/**/*.test.ts', 'tests/api/weights.test.ts'],
          globalSetup: ['tests/support/embeddedRedisSetup.ts'],
        },
      },
    ],
  },
});
