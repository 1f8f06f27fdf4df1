// `npm run demo`: trains one job on a private service in a temporary folder. It starts the service, calls trainAndShow and stops everything.
// After success it keeps the artifacts, after a failure the log.
import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InterruptionSignal, onInterruption } from '@trainyard/jobs';
import { JobClient } from './demo/jobClient.ts';
import { type DemoJob, readDemoRequest, UsageError, usage } from './demo/options.ts';
import { describeResult, trainAndShow } from './demo/trainAndShow.ts';
import { LocalService } from './localService.ts';

const logName = 'services.log';
const artifactsName = 'artifacts';

const whatNext = `
  To run it as a service: npm start, and in another terminal

    curl http://127.0.0.1:3000/jobs -H 'content-type: application/json' -d @docs/examples/lenet-digits.json
    curl -N http://127.0.0.1:3000/jobs/JOB_ID/events -H 'accept: text/event-stream'
    curl -O http://127.0.0.1:3000/jobs/JOB_ID/artifacts/model.safetensors
`;

/** The demo was interrupted by a signal, for example with Ctrl-C. */
class InterruptedError extends Error {
  readonly code = 'interrupted';
  readonly exitCode: number;

  constructor(signal: InterruptionSignal) {
    super(`interrupted by ${signal}`);
    this.name = 'InterruptedError';
    // Shells report a process that a signal has ended with this code.
    this.exitCode = 128 + constants.signals[signal];
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Returns the environment for the private service, without settings for another service on this machine. Dataset settings are kept. */
function privateEnvironment(folder: string): NodeJS.ProcessEnv {
  const { REDIS_URL: _redis, TRAINYARD_API_KEYS: _keys, ARTIFACTS_URL: _artifacts, ...env } = process.env;
  return { ...env, TRAINYARD_HOME: folder, HOST: '127.0.0.1', PORT: '0' };
}

/** Removes the demo's files. @param keep the name of the file or folder to keep; null removes all of them */
async function clear(folder: string, keep: string | null): Promise<void> {
  if (keep === null) await rm(folder, { recursive: true, force: true });
  else {
    const names = (await readdir(folder)).filter((name) => name !== keep);
    await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
  }
}

async function run({ title, spec }: DemoJob, folder: string, logFile: FileHandle, signal: AbortSignal): Promise<void> {
  say(`Trainyard: ${title}, trained by a job\n`);
  say(`  Starting Redis, an API and a worker in ${folder}`);
  const service = new LocalService({ env: privateEnvironment(folder), log: (message) => say(`  ${message}`), logTo: logFile.fd });
  const giveUp = (): void => void service.close();
  signal.addEventListener('abort', giveUp);
  try {
    await service.start();
    signal.removeEventListener('abort', giveUp);
    say(`  The API listens on ${service.url}`);
    const job = await trainAndShow(new JobClient(service.url, signal), spec, process.stdout);
    for (const line of ['', ...describeResult(job, join(folder, artifactsName))]) say(line === '' ? '' : `  ${line}`);
  } finally {
    await service.close();
  }
}

/** Runs the demo. @returns the exit code */
async function main(signal: AbortSignal): Promise<number> {
  const request = await readDemoRequest(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd());
  if (request.help) {
    say(usage);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-demo-'));
  const logFile = await open(join(folder, logName), 'w');
  try {
    await run(request, folder, logFile, signal);
    await clear(folder, artifactsName);
    say(whatNext);
    return 0;
  } catch (error) {
    await clear(folder, signal.aborted ? null : logName);
    if (!signal.aborted) process.stderr.write(`the log of the services is in ${join(folder, logName)}\n`);
    throw error;
  } finally {
    await logFile.close();
  }
}

const interruption = new AbortController();
onInterruption((signal) => {
  if (interruption.signal.aborted) process.exit(1);
  interruption.abort(new InterruptedError(signal));
});
try {
  process.exitCode = await main(interruption.signal);
} catch (error) {
  const reason: unknown = interruption.signal.reason;
  if (reason instanceof InterruptedError) process.exitCode = reason.exitCode;
  else {
    process.stderr.write(
      `${error instanceof UsageError ? '' : 'the demo failed: '}${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
