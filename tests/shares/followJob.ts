// Follows a job to its end as an EventSource does: it comes back with the last id after a stream that broke.
import { setTimeout as delay } from 'node:timers/promises';
import type { EpochMetrics } from '@trainyard/contracts';
import { openStream } from '../api/fixtures/eventSource.ts';
import type { Caller } from './requests.ts';

export interface Followed {
  /** Until the head of the first answer. */
  readonly headMs: number;
  readonly statuses: readonly string[];
  readonly epochs: readonly EpochMetrics[];
  /** An answer that must not be; null if there was none. */
  readonly fault: string | null;
}

/** An EventSource that is told to wait for so long does so before it comes back, in ms. */
const comeBackMs = 500;

/** How long a job may take until it counts as one that never ends, in ms. */
const longestJobMs = 180_000;

export async function followJob({ url, token }: Caller, id: string): Promise<Followed> {
  const statuses: string[] = [];
  const epochs: EpochMetrics[] = [];
  const since = performance.now();
  let headMs: number | undefined;
  let last: string | undefined;
  for (;;) {
    const followed = { headMs: headMs ?? performance.now() - since, statuses, epochs };
    if (performance.now() - since > longestJobMs) return { ...followed, fault: `no end of a job within ${longestJobMs / 1_000} s` };
    try {
      const headers = { authorization: `Bearer ${token}`, ...(last !== undefined && { 'last-event-id': last }) };
      const stream = await openStream(`${url}/jobs/${id}/events`, headers);
      headMs ??= performance.now() - since;
      if (stream.status === 204) return { ...followed, headMs, fault: null };
      if (stream.status !== 200) return { ...followed, headMs, fault: `${stream.status} for a stream` };
      await stream.ended().catch(() => undefined);
      for (const { event, data } of stream.events) {
        if (event === 'status') statuses.push((JSON.parse(data) as { readonly status: string }).status);
        if (event === 'epoch') epochs.push(JSON.parse(data) as EpochMetrics);
      }
      last = stream.events.findLast(({ id: eventId }) => eventId !== undefined)?.id ?? last;
      if (statuses.some((status) => ['succeeded', 'failed', 'cancelled'].includes(status))) return { ...followed, headMs, fault: null };
    } catch (error) {
      return { ...followed, headMs: performance.now() - since, fault: `a stream could not be opened: ${String(error)}` };
    }
    await delay(comeBackMs);
  }
}
