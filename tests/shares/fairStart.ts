// Checks when the neighbour's jobs started. The two keys take turns at free workers. So a job waits at most for the running job of the
// other key, for the earlier jobs of its own key, and after each earlier job for one more job of the other key. With more workers the wait
// is shorter.
import type { Job } from '@trainyard/contracts';
import type { NeighbourJob } from './neighbour.ts';

/** The time to take a job from the queue, read its data and pass it to a training process, in ms. */
const overheadMs = 2_000;

/** How long the neighbour's jobs waited from their creation to their start. */
export interface FairStart {
  readonly jobs: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** The longest runs of a job of the attacker and of the neighbour, in ms. */
  readonly attackerRunMs: number;
  readonly neighbourRunMs: number;
  /** The number of jobs that started later than their fair share allows. */
  readonly late: number;
}

/** Checks the starts of the neighbour's jobs. @param attackerJobs the attacker's jobs that ran in the same period */
export function fairStart(jobs: readonly NeighbourJob[], attackerJobs: readonly Job[]): FairStart {
  const runs = attackerJobs.map(({ startedAt, finishedAt }) => Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? ''));
  const attackerRunMs = Math.max(0, ...runs.filter((ms) => ms >= 0));
  const neighbourRunMs = Math.max(0, ...jobs.map(({ ranMs }) => ranMs));
  const waits = jobs.map(({ waitedMs }) => waitedMs).toSorted((a, b) => a - b);
  const late = jobs.filter(({ waitedMs, ahead }) => waitedMs > attackerRunMs + ahead * (attackerRunMs + neighbourRunMs) + overheadMs);
  return {
    jobs: jobs.length,
    p50Ms: waits[Math.floor(waits.length / 2)] ?? 0,
    maxMs: waits.at(-1) ?? 0,
    attackerRunMs,
    neighbourRunMs,
    late: late.length,
  };
}
