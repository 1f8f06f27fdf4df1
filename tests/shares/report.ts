// Checks and prints the results of a run and of its phases.
import { quantile } from '../bench/figure.ts';
import { processKinds } from './bounds.ts';
import type { FairStart } from './fairStart.ts';
import type { KindFigures } from './figures.ts';
import type { Peaks } from './memoryWatch.ts';

/**
 * The largest allowed response time of the neighbour's requests, in ms. For each kind of request, 99 % of the responses in the run and 95 %
 * of the responses in each phase may not take longer.
 */
const longestMs = 500;

/** The largest allowed time of a single response, in ms. The percentiles of a phase do not include its longest response. */
const longestOfAllMs = 1_500;

/** The results of the time with one attack. */
export interface Phase {
  /** The name of the attack; `none` for the phase without an attack, which is the first. */
  readonly name: string;
  readonly seconds: number;
  /** The figures of the neighbour's requests, by kind. */
  readonly kinds: Readonly<Record<string, KindFigures>>;
  readonly starts: FairStart;
  readonly peaks: Peaks;
  /** The largest delay of the API's event loop, in ms. */
  readonly eventLoopMs: number;
  /** The number of responses to the attacker, by status. */
  readonly attack: Readonly<Record<string, number>>;
}

/** Returns all faults of a phase. */
export function faultsOf({ name, kinds, starts, peaks }: Phase): string[] {
  const faults: string[] = [];
  for (const [kind, { wrong, count, times }] of Object.entries(kinds)) {
    for (const [what, occurrences] of Object.entries(wrong)) faults.push(`${kind}: ${what} (${occurrences} of ${count})`);
    faults.push(...slow(kind, times, 95));
    const longest = Math.max(...times);
    if (longest > longestOfAllMs) faults.push(`${kind}: a response took ${ms(longest)}, above the bound of ${ms(longestOfAllMs)}`);
  }
  if (starts.late > 0) faults.push(`${starts.late} of ${starts.jobs} jobs started later than their fair share allows`);
  for (const { name: kind, bytes } of processKinds) {
    const peak = peaks[kind] ?? 0;
    if (peak > bytes) faults.push(`a process used too much memory: ${kind} ${MiB(peak)}, above the bound of ${MiB(bytes)}`);
  }
  return faults.map((fault) => `${name}: ${fault}`);
}

/**
 * Returns the faults of the whole run: the kinds of requests whose 99th percentile is too large. A single phase has too few requests for
 * this percentile.
 */
export function faultsOfAll(phases: readonly Phase[]): string[] {
  return Object.entries(timesOfAll(phases)).flatMap(([kind, times]) => slow(kind, times, 99).map((fault) => `the whole run: ${fault}`));
}

/** Returns the response times of all phases, by kind of request. */
function timesOfAll(phases: readonly Phase[]): Record<string, number[]> {
  const kinds: Record<string, number[]> = {};
  for (const phase of phases) for (const [kind, { times }] of Object.entries(phase.kinds)) (kinds[kind] ??= []).push(...times);
  return kinds;
}

/** Returns a fault if more than (100 - `percent`) % of the response times are too long. */
function slow(kind: string, times: readonly number[], percent: number): string[] {
  const reached = quantile(times, percent / 100);
  return reached > longestMs ? [`${kind}: p${percent} is ${ms(reached)}, above the bound of ${ms(longestMs)}`] : [];
}

const row = (name: string, cells: readonly (string | number)[]): string =>
  `  ${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(11)).join('')}`;

const percentiles = (times: readonly number[]): Record<string, number> => ({
  p50Ms: quantile(times, 0.5),
  p95Ms: quantile(times, 0.95),
  p99Ms: quantile(times, 0.99),
  maxMs: Math.max(...times),
});

/** Returns the figures of the whole run and of each phase, without single response times. */
export function figuresOf(phases: readonly Phase[], faults: readonly string[]): object {
  const shown = phases.map(({ kinds, ...phase }) => ({
    ...phase,
    kinds: Object.fromEntries(Object.entries(kinds).map(([kind, { times, ...figures }]) => [kind, { ...figures, ...percentiles(times) }])),
  }));
  const run = Object.fromEntries(
    Object.entries(timesOfAll(phases)).map(([kind, times]) => [kind, { count: times.length, ...percentiles(times) }]),
  );
  return { run, phases: shown, faults };
}

/** Prints the percentiles of the whole run as a table. */
export function printAll(phases: readonly Phase[]): void {
  console.log('\nthe whole run');
  console.log(row('the neighbour', ['count', 'p50', 'p95', 'p99', 'max']));
  for (const [kind, times] of Object.entries(timesOfAll(phases))) {
    console.log(row(kind, [times.length, ...[0.5, 0.95, 0.99, 1].map((part) => ms(quantile(times, part)))]));
  }
}

/** Prints a phase as a table. */
export function print({ name, seconds, kinds, starts, peaks, eventLoopMs, attack }: Phase): void {
  const responses = Object.entries(attack).map(([response, count]) => `${response}: ${count}`);
  console.log(`\n${name}, ${seconds.toFixed(0)} s${responses.length === 0 ? '' : ` (responses to the attacker: ${responses.join(', ')})`}`);
  console.log(row('the neighbour', ['count', 'wrong', 'p50', 'p95', 'max']));
  for (const [kind, { count, wrong, times }] of Object.entries(kinds)) {
    const failures = Object.values(wrong).reduce((sum, occurrences) => sum + occurrences, 0);
    console.log(row(kind, [count, failures, ...[0.5, 0.95, 1].map((part) => ms(quantile(times, part)))]));
  }
  console.log(
    row('start of a job', [starts.jobs, starts.late, ms(starts.p50Ms), '', ms(starts.maxMs)]) +
      `   (longest runs: attacker ${ms(starts.attackerRunMs)}, neighbour ${ms(starts.neighbourRunMs)})`,
  );
  const memory = processKinds.map(({ name: kind, bytes }) => `${kind} ${MiB(peaks[kind] ?? 0)} of ${MiB(bytes)}`);
  console.log(`  memory: ${memory.join(', ')}, all processes together ${MiB(peaks['total'] ?? 0)}`);
  console.log(`  event loop of the API: largest delay ${ms(eventLoopMs)}`);
}

const ms = (value: number): string => `${value.toFixed(0)} ms`;
export const MiB = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
