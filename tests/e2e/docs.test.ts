// Runs the commands of the documents in order in one shell, in a checkout, against the service on this machine. Their output must be the
// output that the document shows, including every number.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentVariables } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { mismatch, withOneNumberChanged, type Bindings } from './fixtures/documentedOutput.ts';
import { type DocumentedCommands, documentedCommands } from './fixtures/documents.ts';
import { DocumentShell } from './fixtures/documentShell.ts';
import { machineTest as test } from './fixtures/processes.ts';
import { startService } from './fixtures/start.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const has = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0;
const hasShell = has('curl', '--version') && has('bash', '-c', 'exit');

/** The documents with commands. */
const pages = ['README.md', 'docs/api.md', 'docs/datasets.md', 'docs/operating.md'];

/** Commands that need software that may be missing on this machine. Other tests cover them. */
const left: readonly { readonly commands: RegExp; readonly why: string }[] = [
  { commands: /^docker /m, why: 'needs a container engine: npm run test:containers starts the composed service' },
  { commands: /^python3 /m, why: 'needs PyTorch: npm run test:peer runs exported scripts' },
];

/** `NAME=value … npm start` starts another service with these settings. It runs until the next heading of the document. */
const startsService = /^(?:[A-Z_]+=\S+ +)+npm start$/m;

/**
 * Returns the environment variables that the commands set, with a real API key and a loopback address.
 * @param entry the API key for `TRAINYARD_API_KEYS` that an earlier command has printed. The document shows only its beginning
 */
function settingsOf(commands: string, entry: string): NodeJS.ProcessEnv {
  const settings = [...commands.matchAll(/([A-Z_]+)=(?:'([^']*)'|(\S+))/g)].map(([, name = '', quoted, plain]) => [name, quoted ?? plain]);
  return { ...Object.fromEntries(settings), TRAINYARD_API_KEYS: entry, HOST: '127.0.0.1' } as NodeJS.ProcessEnv;
}

/** Returns the HTTP statuses from 300 to 599 that a document shows, in a status line or in the body of a problem. */
function shownStatuses(output: string): string[] {
  return [...output.matchAll(/(?:HTTP\/1\.1 |"status":\s*)([345]\d\d)/g)].map(([, status = '']) => status);
}

/** Returns the faults of a block: wrong output, and responses that the document does not show. */
function faultsOf({ output }: DocumentedCommands, printed: Awaited<ReturnType<DocumentShell['run']>>, bindings: Bindings): string[] {
  const refused = printed.answers.filter(({ status }) => !status.startsWith('2') && !shownStatuses(output ?? '').includes(status));
  const faults = refused.map(({ status, path }) => `the response to ${path} has the status ${status}, which the document does not show`);
  if (output === null)
    return printed.output.trim() === ''
      ? faults
      : [...faults, `the document shows no output, and the command prints:\n  ${printed.output.slice(0, 2000)}`];
  const before = new Map(bindings);
  const wrong = mismatch(printed.output, output, bindings);
  if (wrong !== null) return [...faults, wrong];
  // Checks the comparison too: it must fail after any number in the document is changed.
  const loose = [...withOneNumberChanged(output)].filter((changed) => mismatch(printed.output, changed, new Map(before)) === null);
  return [...faults, ...loose.map((changed) => `the output also fits this text, in which one number is changed:\n  ${changed}`)];
}

describe.skipIf(!hasShell)('the commands of', () => {
  test.for(pages)('%s print what it shows', async (document, { machine }) => {
    const service = await startService(machine);
    let { url } = service;
    const shell = await DocumentShell.open(machine);
    const bindings: Bindings = new Map();
    const faults: string[] = [];
    let heading = '';
    let entry = '';
    for (const block of await documentedCommands(join(root, document))) {
      if (block.heading !== heading) ({ url } = service);
      ({ heading } = block);
      const why = left.find(({ commands }) => commands.test(block.commands))?.why;
      if (why !== undefined) {
        console.log(`${document}:${block.line} is not run: it ${why}`);
        continue;
      }
      if (startsService.test(block.commands)) {
        const settings = { ...settingsOf(block.commands, entry), TRAINYARD_HOME: join(machine.folder, 'second') };
        ({ url } = await startService(machine, settings));
        continue;
      }
      const printed = await shell.run(block.commands, url);
      entry = /^\w+:(?:user|admin):[0-9a-f]{64}$/m.exec(printed.output)?.[0] ?? entry;
      const token = /^ty_\S+$/m.exec(printed.output)?.[0];
      if (token !== undefined) shell.define('KEY', token);
      faults.push(...faultsOf(block, printed, bindings).map((fault) => `${document}:${block.line} (${block.heading}): ${fault}`));
    }
    shell.close();
    expect(faults.join('\n\n')).toBe('');
  });
});
test('.env.example lists exactly the variables that docker-compose.yml passes to the services', async () => {
  const named = [...(await readFile(join(root, '.env.example'), 'utf8')).matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name);
  const passed = [...(await readFile(join(root, 'docker-compose.yml'), 'utf8')).matchAll(/\$\{([A-Z_]+):/g)].map(([, name]) => name);
  expect(named.toSorted()).toEqual([...new Set(passed)].toSorted());
});

test('README.md lists exactly the settings that the services read', async () => {
  const [, section = ''] = /^## Settings\n(.*?)^## /ms.exec(await readFile(join(root, 'README.md'), 'utf8')) ?? [];
  const shown = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => {
    const names = [...cell.matchAll(/`([A-Z_…]+)`/g)].map(([, name = '']) => name);
    // `…_JOBS` after `TRAINYARD_RETENTION_DAYS` stands for TRAINYARD_RETENTION_JOBS.
    const [beginning = ''] = /^[A-Z]+_[A-Z]+/.exec(names[0] ?? '') ?? [];
    return names.map((name) => (name.startsWith('…') ? `${beginning}${name.slice(1)}` : name));
  });
  const ours = shown.filter((name) => !name.startsWith('OTEL_') && !name.startsWith('AWS_'));
  expect(ours.toSorted()).toEqual([...environmentVariables].toSorted());
});
