// The chaos run is slow and random, so it is no part of `npm test`: `npm run chaos`.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { name: 'chaos', include: ['tests/chaos/**/*.test.ts'], globalSetup: ['tests/support/redisSetup.ts'], testTimeout: 600_000 },
});
