// `npm run verify`: runs the tests behind each claim and writes what they showed into docs/verification.md. A claim that fails makes it
// exit with 1; one whose needs are not met is written as not shown.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Claim, claims } from './claims.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const document = join(root, 'docs/verification.md');

const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  testResults: z.array(z.object({ assertionResults: z.array(z.object({ meta: z.object({ deviation: z.number().optional() }) })) })),
});

interface Shown {
  readonly figure: string;
  readonly failed: boolean;
}

async function show({ tests, needs = [], deviation }: Claim): Promise<Shown> {
  const missing = needs.filter((name) => process.env[name] === undefined);
  if (missing.length > 0) return { figure: `not shown: it needs ${missing.join(' and ')}`, failed: false };
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-verify-'));
  try {
    const file = join(folder, 'report.json');
    const vitest = spawn('vitest', ['run', ...tests, '--reporter=json', `--outputFile=${file}`], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await once(vitest, 'exit');
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

/** The command as a person types it. */
function commandOf({ tests, needs = [] }: Claim): string {
  const [first, name, ...rest] = tests;
  const environment = needs.map((need) => `${need}=… `).join('');
  if (first === '--config') return `${environment}npm run test:peer -- ${rest.join(' ')}`;
  return name === 'conformance' && rest.length === 0 ? 'npm run test:conformance' : `${environment}npm test -- ${rest.join(' ')}`;
}

const lines = [
  '# Verification',
  '',
  'What is claimed of the engine, the command that shows it, and what that showed. Written by `npm run verify`, which runs them all.',
  '',
  `Node ${process.versions.node}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${new Date().toISOString().slice(0, 10)}.`,
  '',
  '| claim | command | what it showed |',
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
