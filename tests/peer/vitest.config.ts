// Whole runs against PyTorch's, of the scripts that jobs export. No part of `npm test`: they need a Python with PyTorch, and
// `npm run test:peer` names them where there is none.
import { defineConfig } from 'vitest/config';
import { hangLimits } from '../support/hangLimits.ts';

export default defineConfig({ test: { name: 'peer', include: ['tests/peer/**/*.test.ts'], ...hangLimits } });
