// The fuzz run is slow and random, so it is no part of `npm test`: `npm run fuzz`.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { name: 'fuzz', include: ['tests/fuzz/**/*.test.ts'], globalSetup: ['tests/support/redisSetup.ts'], testTimeout: 1_200_000 },
});
