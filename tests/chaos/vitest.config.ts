// The chaos tests are slow and random, so they are not part of `npm test`. Run them with `npm run chaos`.
import { defineConfig } from 'vitest/config';
import { hangLimits } from '../support/hangLimits.ts';

export default defineConfig({
  test: { name: 'chaos', include: ['tests/chaos/**/*.test.ts'], globalSetup: ['tests/support/redisSetup.ts'], ...hangLimits },
});
