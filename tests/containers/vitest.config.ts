// The test groups of the repository and one more, which needs a container engine; run.ts picks those it runs.
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { hangLimits } from '../support/hangLimits.ts';

export default defineConfig({
  test: {
    ...hangLimits,
    projects: [...(base.test?.projects ?? []), { extends: true, test: { name: 'containers', include: ['tests/containers/**/*.test.ts'] } }],
  },
});
