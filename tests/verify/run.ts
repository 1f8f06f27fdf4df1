// `npm run verify`: runs the tests behind each claim and writes what they showed into docs/verification.md. A claim that fails makes it
// exit with 1; one whose needs are not met is written as not shown.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Claim, claims, type MeasuredClaim, type TestedClaim } from './claims.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const document = join(root, 'docs/verification.md');

const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  testResults: z.array(z.object({ assertionResults: z.array(z.object({ meta: z.object({ deviation: z.number().optional() }) })) })),
});

const figureSchema = z.object({ metric: z.string(), value: z.number() });

interface Seen {
  readonly figure: string;
  readonly failed: boolean;
}

async function show(claim: Claim): Promise<Seen> {
  const missing = (claim.needs ?? []).filter((name) => process.env[name] === undefined);
  if (missing.length > 0) return { figure: `not shown: it needs ${missing.join(' and ')}`, failed: false };
  return 'tests' in claim ? await test(claim) : await measure(claim);
}

async function test({ tests, deviation }: TestedClaim): Promise<Seen> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-verify-'));
  try {
    const file = join(folder, 'report.json');
    const args = ['run', ...tests, '--reporter=json', `--outputFile=${file}`];
    await once(spawn('vitest', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
    const report = reportSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report;
    const counts = `${passed.toLocaleString('en')} tests passed${failed > 0 ? `, ${failed} FAILED` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    const measured = report.testResults.flatMap(({ assertionResults }) => assertionResults.flatMap(({ meta }) => meta.deviation ?? []));
    const worst = deviation === undefined || measured.length === 0 ? '' : `; ${deviation}: ${Math.max(...measured).toPrecision(2)}`;
    return { figure: counts + worst, failed: failed > 0 || passed === 0 };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure({ bench, metric, atMost }: MeasuredClaim): Promise<Seen> {
  const process_ = spawn(process.execPath, [join(root, 'tests/bench/run.ts'), ...bench, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = (await text(process_.stdout)).trim().split('\n');
  const figure = printed.map((line) => figureSchema.parse(JSON.parse(line))).find((told) => told.metric === metric);
  const value = figure?.value ?? Number.NaN;
  return { figure: `${metric} ${value.toPrecision(2)}, at most ${atMost}`, failed: !(value <= atMost) };
}

/** The command as a person types it. */
function commandOf(claim: Claim): string {
  if ('bench' in claim) return `npm run bench -- ${claim.bench.join(' ')}`;
  const { tests, needs = [] } = claim;
  const files = tests.filter((argument) => argument.startsWith('tests/') && !argument.endsWith('config.ts'));
  const environment = needs.map((need) => `${need}=… `).join('');
  if (tests[0] === '--config') return `${environment}npm run test:peer -- ${files.join(' ')}`;
  return files.length === 0 ? 'npm run test:conformance' : `${environment}npm test -- ${files.join(' ')}`;
}

const lines = [
  '# Verification',
  '',
  'For users: what is claimed about the engine, the command that shows it, and its result. `npm run verify` runs all commands and writes this page.',
  '',
  `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${new Date().toISOString().slice(0, 10)}.`,
  '',
  '| claim | command | result |',
  '| --- | --- | --- |',
];
for (const claim of claims) {
  process.stdout.write(`${claim.claim} … `);
  const { figure, failed } = await show(claim);
  process.stdout.write(`${figure}\n`);
  if (failed) process.exitCode = 1;
  lines.push(`| ${claim.claim} | \`${commandOf(claim)}\` | ${figure} |`);
}
await writeFile(document, `${lines.join('\n')}\n`);
