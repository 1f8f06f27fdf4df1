// The fuzz run is slow and random, so it is no part of `npm test`: `npm run fuzz`.
import { defineConfig } from 'vitest/config';
import { hangLimits } from '../support/hangLimits.ts';

export default defineConfig({
  test: {
    name: 'fuzz',
    include: ['tests/fuzz/**/*.test.ts'],
    globalSetup: ['tests/support/redisSetup.ts'],
    ...hangLimits,
    testTimeout: 20 * 60_000,
  },
});
