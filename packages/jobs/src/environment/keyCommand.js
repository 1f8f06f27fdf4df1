// `npm run key -- NAME [--admin]` creates an API key. The key is shown once and not stored. Like newKey.js, it needs no installed packages.
import { parseArgs } from 'node:util';
import { createApiKey } from './newKey.js';

const usage = 'usage: npm run key -- NAME [--admin]';

function main() {
  const { values, positionals } = parseArgs({ options: { admin: { type: 'boolean', default: false } }, allowPositionals: true });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) throw new RangeError(usage);
  const { token, entry } = createApiKey(name, values.admin ? 'admin' : 'user');
  process.stdout.write(`key (shown this once; callers send it as "Authorization: Bearer KEY"):\n${token}\n\n`);
  process.stdout.write(`entry for TRAINYARD_API_KEYS (entries are separated by commas):\n${entry}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
