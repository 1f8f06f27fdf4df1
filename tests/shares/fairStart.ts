// When the neighbour's jobs must have started. Keys take turns at free workers. So a job waits for the rest of a run of the other key,
// and, for each own job ahead of it, for that job and for one more run of the other key. More workers only shorten this.
import type { Job } from '@trainyard/contracts';
import type { NeighbourJob } from './neighbour.ts';

/** To take a job from the queue, read its data and give it to a training process, in ms. */
const overheadMs = 2_000;

export interface FairStart {
  readonly jobs: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** The longest run of the attacker and of the neighbour, in ms. */
  readonly attackerRunMs: number;
  readonly neighbourRunMs: number;
  /** Jobs that started later than their fair share allows. */
  readonly late: number;
}

/** @param attackerJobs whatever ran of the other key meanwhile */
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
