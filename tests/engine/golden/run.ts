// `npm run golden`: computes the hashes of the golden runs with the current Node and prints them as JSON. With --write it stores them. If a
// stored hash changes, engineVersion must be raised first.
import { readFile, writeFile } from 'node:fs/promises';
import { engineVersion } from '@trainyard/engine/spec';
import { goldenHashes } from './jobs.ts';

const file = new URL('./hashes.json', import.meta.url);
const computed = { engineVersion, hashes: await goldenHashes() };
const text = `${JSON.stringify(computed, null, 2)}\n`;
if (process.argv.includes('--write')) {
  const pinned = JSON.parse(await readFile(file, 'utf8')) as typeof computed;
  const changed = Object.entries(computed.hashes).filter(
    ([name, hash]) => Object.hasOwn(pinned.hashes, name) && pinned.hashes[name] !== hash,
  );
  if (changed.length > 0 && pinned.engineVersion === engineVersion) {
    const names = changed.map(([name]) => name).join('; ');
    process.stderr.write(
      `The weights of these runs have other bits: ${names}. Raise engineVersion (packages/engine/src/version.ts) first.\n`,
    );
    process.exit(1);
  }
  await writeFile(file, text);
}
process.stdout.write(text);
