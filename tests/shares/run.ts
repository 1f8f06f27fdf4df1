// `npm run shares -- [--minutes N] [--only NAME] …`: one key attacks the service in many ways while a neighbour with another key keeps
// working. Exits with 0 if every response to the neighbour is right and in time, its jobs start as early as their fair share allows, and no
// process uses more memory than its bound. docs/operating.md describes the bounds.
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job, Sweep } from '@trainyard/contracts';
import { createApiKey } from '@trainyard/jobs';
import { Fleet } from '../load/fleet.ts';
import { AttackerProcess } from './attackerProcess.ts';
import type { Prepared } from './attacks/attack.ts';
import { attacks } from './attacks/index.ts';
import { jobMemoryBytes, redisMemoryBytes } from './bounds.ts';
import { EventLoopDelay } from './eventLoop.ts';
import { fairStart } from './fairStart.ts';
import { jobsOf } from './jobs.ts';
import { MemoryWatch } from './memoryWatch.ts';
import { Neighbour } from './neighbour.ts';
import { readOptions, type SharesOptions } from './options.ts';
import { prepare } from './prepare.ts';
import { faultsOf, faultsOfAll, figuresOf, MiB, type Phase, print, printAll } from './report.ts';
import { ask, type Caller, expectStatus } from './requests.ts';

/** The duration of the first phase, without an attack, in seconds. */
const quietSeconds = 5;

/** The time between two lines of progress, in seconds. */
const progressSeconds = 5;

/** The longest time to cancel the jobs and sweeps of an attack, in ms. */
const longestCleanUpMs = 120_000;

/** The phase with all attacks at the same time takes as long as this many phases with one attack. */
const shareOfAll = 2;

interface Run {
  readonly fleet: Fleet;
  readonly watch: MemoryWatch;
  readonly attacker: AttackerProcess;
  readonly neighbour: Neighbour;
  readonly eventLoop: EventLoopDelay;
  readonly attackerCaller: Caller;
  readonly admin: Caller;
  readonly prepared: Prepared;
}

/** Lets the neighbour work for `seconds`. @throws Error if the service was killed because of its memory */
async function work({ neighbour, eventLoop, watch }: Run, name: string, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  for (let tick = 1; performance.now() < end; tick++) {
    neighbour.tick();
    await Promise.all([delay(1_000), Promise.race([eventLoop.look().catch(() => undefined), delay(1_000)])]);
    if (watch.exceeded !== null) throw new Error(`${name}: ${watch.exceeded}`);
    if (tick % progressSeconds === 0)
      console.log(`  ${name}, ${tick} s: ${neighbour.requests} requests of the neighbour, ${neighbour.wrong} wrong`);
  }
}

/**
 * Cancels the jobs and sweeps that the attack left, as an operator would. Retries requests that fail.
 * @returns the attacker's jobs that have ended since `since`
 * @throws Error if the jobs and sweeps have not ended in time
 */
async function cleanUp(run: Run, since: number): Promise<readonly Job[]> {
  const end = performance.now() + longestCleanUpMs;
  for (;;) {
    try {
      if (await cancelLeftovers(run)) break;
    } catch (error) {
      if (performance.now() > end || run.watch.exceeded !== null) throw error;
    }
    if (performance.now() > end) throw new Error("the attacker's jobs could not be cancelled");
    await delay(200);
  }
  const ended = await jobsOf(run.attackerCaller, ['succeeded', 'cancelled', 'failed'], 1_000).catch(() => []);
  return ended.filter(({ finishedAt, startedAt }) => startedAt !== null && Date.parse(finishedAt ?? '') >= since);
}

/** Cancels all jobs and sweeps of the attacker once. @returns whether there was nothing to cancel */
async function cancelLeftovers({ admin, prepared }: Run): Promise<boolean> {
  const page = (await expectStatus(ask(admin, '/sweeps?limit=100'), 200)) as { readonly data: readonly Pick<Sweep, 'id' | 'status'>[] };
  const sweeps = page.data.filter(({ status }) => status === 'running');
  for (const { id } of sweeps) await ask(admin, `/sweeps/${id}/cancel`, { method: 'POST' });
  const left = await jobsOf(admin, ['queued', 'running', 'cancelling', 'pausing']);
  const jobs = left.filter(({ labels, id }) => labels['owner'] !== 'neighbour' && id !== prepared.pausedJobId);
  for (let at = 0; at < jobs.length; at += 8) {
    await Promise.all(jobs.slice(at, at + 8).map(async ({ id }) => await ask(admin, `/jobs/${id}/cancel`, { method: 'POST' })));
  }
  return sweeps.length + jobs.length === 0;
}

/** Runs one phase: an attack, or `none`. */
async function phase(run: Run, name: string, seconds: number): Promise<Phase> {
  await run.watch.takePeaks();
  await run.eventLoop.look();
  run.eventLoop.take();
  const since = Date.now();
  if (name !== 'none') run.attacker.begin(name, { ...run.attackerCaller, prepared: run.prepared });
  await work(run, name, seconds);
  const attack = name === 'none' ? {} : (await run.attacker.end()).responses;
  const peaks = await run.watch.takePeaks();
  const eventLoopMs = run.eventLoop.take();
  const attackerJobs = await cleanUp(run, since);
  const { figures, jobs } = await run.neighbour.takeFigures();
  if (run.watch.exceeded !== null) throw new Error(`${name}: ${run.watch.exceeded}`);
  return { name, seconds, kinds: figures.summary(), starts: fairStart(jobs, attackerJobs), peaks, eventLoopMs, attack };
}

async function shares(options: SharesOptions): Promise<boolean> {
  const keys = [createApiKey('attacker', 'user'), createApiKey('neighbour', 'user'), createApiKey('operator', 'admin')] as const;
  const settings = {
    TRAINYARD_API_KEYS: keys.map(({ entry }) => entry).join(','),
    TRAINYARD_MAX_MEMORY_BYTES: String(jobMemoryBytes),
    TRAINYARD_WEBHOOK_PRIVATE: '1',
    TRAINYARD_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}`,
  };
  const fleet = await Fleet.start({ apis: 1, workers: options.workers, settings, redisMemoryBytes });
  const watch = new MemoryWatch(options.memoryBytes);
  const attacker = new AttackerProcess();
  const [attackerCaller, neighbourCaller, admin] = keys.map(({ token }) => ({ url: fleet.urls[0] ?? '', token })) as [
    Caller,
    Caller,
    Caller,
  ];
  const phases: Phase[] = [];
  const faults: string[] = [];
  let neighbour: Neighbour | undefined;
  try {
    console.log(`shares: ${options.workers} workers, ${MiB(options.memoryBytes)} for all processes; preparing…`);
    neighbour = await Neighbour.meet(neighbourCaller);
    const prepared = await prepare(attackerCaller, options.attacks);
    const run: Run = { fleet, watch, attacker, neighbour, eventLoop: new EventLoopDelay(admin), attackerCaller, admin, prepared };
    const parts = options.attacks.reduce((sum, name) => sum + (name === 'all' ? shareOfAll : 1), 0);
    for (const name of ['none', ...options.attacks]) {
      const seconds = name === 'none' ? quietSeconds : (options.seconds / parts) * (name === 'all' ? shareOfAll : 1);
      const attack = attacks.find((candidate) => candidate.name === name);
      console.log(`\n${name}: ${attack?.what ?? 'the neighbour alone'}, ${seconds.toFixed(0)} s`);
      const done = await phase(run, name, seconds);
      phases.push(done);
      faults.push(...faultsOf(done));
    }
    faults.push(...faultsOfAll(phases), ...(await fleet.stop()));
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  } finally {
    await neighbour?.close();
    await attacker.close();
    await watch.close();
    await fleet.close();
  }
  for (const done of phases) print(done);
  printAll(phases);
  console.log('');
  for (const fault of faults) console.log(`WRONG ${fault}`);
  const missing = 1 + options.attacks.length - phases.length;
  console.log(`shares: ${phases.length - 1} attacks, ${faults.length === 0 ? 'no fault for the neighbour' : `${faults.length} faults`}`);
  if (options.json !== null) await writeFile(options.json, JSON.stringify(figuresOf(phases, faults), null, 2));
  return faults.length === 0 && missing === 0;
}

try {
  process.exitCode = (await shares(
    readOptions(
      process.argv.slice(2),
      attacks.map(({ name }) => name),
    ),
  ))
    ? 0
    : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
