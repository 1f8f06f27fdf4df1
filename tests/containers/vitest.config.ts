// The test groups of the repository and one more, which needs a container engine; run.ts picks those it runs.
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

export default defineConfig({
  test: {
    projects: [
      ...(base.test?.projects ?? []),
      { test: { name: 'containers', include: ['tests/containers/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 120_000 } },
    ],
  },
});
