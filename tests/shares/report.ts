// Checks and prints the results of one phase of a run.
import { processKinds } from './bounds.ts';
import type { FairStart } from './fairStart.ts';
import type { KindFigures } from './figures.ts';
import type { Peaks } from './memoryWatch.ts';

/** The largest allowed 99th percentile of the neighbour's response times, for each kind of request, in ms. */
const longestP99Ms = 500;

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
  for (const [kind, { wrong, count, p99Ms }] of Object.entries(kinds)) {
    for (const [what, times] of Object.entries(wrong)) faults.push(`${kind}: ${what} (${times} of ${count})`);
    if (p99Ms > longestP99Ms) faults.push(`${kind}: p99 is ${ms(p99Ms)}, above the bound of ${ms(longestP99Ms)}`);
  }
  if (starts.late > 0) faults.push(`${starts.late} of ${starts.jobs} jobs started later than their fair share allows`);
  for (const { name: kind, bytes } of processKinds) {
    const peak = peaks[kind] ?? 0;
    if (peak > bytes) faults.push(`a process used too much memory: ${kind} ${MiB(peak)}, above the bound of ${MiB(bytes)}`);
  }
  return faults.map((fault) => `${name}: ${fault}`);
}

/** Prints a phase as a table. */
export function print({ name, seconds, kinds, starts, peaks, eventLoopMs, attack }: Phase): void {
  const responses = Object.entries(attack).map(([response, count]) => `${response}: ${count}`);
  console.log(`\n${name}, ${seconds.toFixed(0)} s${responses.length === 0 ? '' : ` (responses to the attacker: ${responses.join(', ')})`}`);
  console.log(`  ${'the neighbour'.padEnd(20)}${['count', 'wrong', 'p50', 'p99', 'max'].map((title) => title.padStart(11)).join('')}`);
  for (const [kind, { count, wrong, p50Ms, p99Ms, maxMs }] of Object.entries(kinds)) {
    const failures = Object.values(wrong).reduce((sum, times) => sum + times, 0);
    console.log(
      `  ${kind.padEnd(20)}${[count, failures, ms(p50Ms), ms(p99Ms), ms(maxMs)].map((cell) => String(cell).padStart(11)).join('')}`,
    );
  }
  console.log(
    `  ${'start of a job'.padEnd(20)}${[starts.jobs, starts.late, ms(starts.p50Ms), '', ms(starts.maxMs)].map((cell) => String(cell).padStart(11)).join('')}` +
      `   (longest runs: attacker ${ms(starts.attackerRunMs)}, neighbour ${ms(starts.neighbourRunMs)})`,
  );
  const memory = processKinds.map(({ name: kind, bytes }) => `${kind} ${MiB(peaks[kind] ?? 0)} of ${MiB(bytes)}`);
  console.log(`  memory: ${memory.join(', ')}, all processes together ${MiB(peaks['total'] ?? 0)}`);
  console.log(`  event loop of the API: largest delay ${ms(eventLoopMs)}`);
}

const ms = (value: number): string => `${value.toFixed(0)} ms`;
export const MiB = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
