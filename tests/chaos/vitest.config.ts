// The chaos run is slow and random, so it is no part of `npm test`: `npm run chaos`.
import { defineConfig } from 'vitest/config';
import { hangLimits } from '../support/hangLimits.ts';

export default defineConfig({
  test: { name: 'chaos', include: ['tests/chaos/**/*.test.ts'], globalSetup: ['tests/support/redisSetup.ts'], ...hangLimits },
});
