// The commands of the documents, run as a reader types them: one after the other in one shell, in a checkout, against the service on
// this machine. What needs an engine of containers, PyTorch or somebody's keys is left to the reader.
import { execFile, spawnSync } from 'node:child_process';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { machineTest as test } from './fixtures/processes.ts';
import { startService } from './fixtures/start.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const leftToReaders = /^(npm|docker|cp|python3) |^TRAINYARD_\w+=/;
const hasCurl = spawnSync('curl', ['--version']).status === 0 && spawnSync('bash', ['-c', 'exit']).status === 0;

/** Every answer's status and address as a line on standard error; a job that is being cancelled has ended when the next one begins. */
const prelude = (url: string): string => `
curl() { command curl -sS --max-time 60 -w '%{stderr}%{http_code} %{url_effective}\\n' "$@"; }
settled() { until [ "$(command curl -s '${url}/jobs?status=cancelling')" = '{"data":[],"nextCursor":null}' ]; do sleep 0.05; done; }
`;

async function commandsOf(document: string, url: string): Promise<string> {
  const text = await readFile(join(root, document), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) =>
    block
      .split('\n')
      .filter((line) => !leftToReaders.test(line))
      .join('\n'),
  );
  return `${prelude(url)}${blocks.join('\nsettled\n').replaceAll('http://127.0.0.1:3000', url)}`;
}

describe.skipIf(!hasCurl)('the commands of', () => {
  test.for([
    ['README.md', []],
    // A network that cannot be, and a webhook that the job has not got.
    ['docs/api.md', ['422 /jobs', '404 /jobs/ID/webhook/redeliver']],
  ] as const)('%s work as they are written', async ([document, refused], { machine }) => {
    const { url } = await startService(machine);
    await symlink(join(root, 'docs'), join(machine.folder, 'docs'));
    await writeFile(join(machine.folder, 'commands.sh'), await commandsOf(document, url));
    const { stderr, stdout } = await run('bash', ['commands.sh'], { cwd: machine.folder, maxBuffer: 1 << 26 });
    const answers = [...stderr.matchAll(/^(\d{3}) (\S+)$/gm)].map(([, status = '', address = '']) => ({ status, address }));
    expect(answers.length, stdout).toBeGreaterThan(document === 'README.md' ? 2 : 30);
    const others = answers.filter(({ status }) => !status.startsWith('2'));
    expect(others.map(({ status, address }) => `${status} ${new URL(address).pathname.replace(/job_\w+/, 'ID')}`)).toEqual(refused);
    expect(stderr.replaceAll(/^\d{3} \S+\n/gm, '')).toBe('');
  });
});

test('what .env.example names is what the composed services are told', async () => {
  const named = [...(await readFile(join(root, '.env.example'), 'utf8')).matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name);
  const told = [...(await readFile(join(root, 'docker-compose.yml'), 'utf8')).matchAll(/\$\{([A-Z_]+):/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(told)].toSorted());
});
