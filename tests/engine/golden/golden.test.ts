// The same spec gives the same weights on every machine and with every version of Node. After an intended change of results, raise
// engineVersion and run `npm run golden -- --write`.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { engineVersion } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import pinned from './hashes.json' with { type: 'json' };
import { goldenHashes, goldenJobs } from './jobs.ts';

const hashes: Readonly<Record<string, string>> = pinned.hashes;

describe('golden runs', () => {
  test('have one stored hash each for this version of the engine', () => {
    expect(pinned.engineVersion).toBe(engineVersion);
    expect(Object.keys(hashes)).toEqual(Object.keys(goldenJobs));
  });

  test.each(Object.keys(goldenJobs))('%s: the weights have the stored hash of this version, bit for bit', async (name) => {
    expect(await goldenHashes([name])).toEqual({ [name]: hashes[name] });
  });

  test('have the same hashes in a separate process with the Node in TRAINYARD_OTHER_NODE, or else with this Node', async () => {
    const node = process.env['TRAINYARD_OTHER_NODE'] ?? process.execPath;
    const program = fileURLToPath(new URL('./run.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(node, [program]);
    expect(JSON.parse(stdout)).toEqual({ engineVersion, hashes });
  });
});
