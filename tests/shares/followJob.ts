// Follows the events of a job to its end as an EventSource does: after a stream that broke, it reconnects with the last event id.
import { setTimeout as delay } from 'node:timers/promises';
import type { EpochMetrics } from '@trainyard/contracts';
import { openStream } from '../api/fixtures/eventSource.ts';
import type { Caller } from './requests.ts';

export interface Followed {
  /** The time until the headers of the first response, in ms. */
  readonly headMs: number;
  /** The statuses of the job, in the order of their events. */
  readonly statuses: readonly string[];
  readonly epochs: readonly EpochMetrics[];
  /** The first wrong response; null if all responses were right. */
  readonly fault: string | null;
}

/** The pause before a reconnection, in ms. */
const reconnectMs = 500;

/** A job that takes longer counts as endless, in ms. */
const longestJobMs = 180_000;

/** Follows a job to its end, or to the first fault. */
export async function followJob({ url, token }: Caller, id: string): Promise<Followed> {
  const statuses: string[] = [];
  const epochs: EpochMetrics[] = [];
  const since = performance.now();
  let headMs: number | undefined;
  let last: string | undefined;
  for (;;) {
    const followed = { headMs: headMs ?? performance.now() - since, statuses, epochs };
    if (performance.now() - since > longestJobMs) return { ...followed, fault: `the job did not end within ${longestJobMs / 1_000} s` };
    try {
      const headers = { authorization: `Bearer ${token}`, ...(last !== undefined && { 'last-event-id': last }) };
      const stream = await openStream(`${url}/jobs/${id}/events`, headers);
      headMs ??= performance.now() - since;
      if (stream.status === 204) return { ...followed, headMs, fault: null };
      if (stream.status !== 200) return { ...followed, headMs, fault: `status ${stream.status} for an event stream` };
      await stream.ended().catch(() => undefined);
      for (const { event, data } of stream.events) {
        if (event === 'status') statuses.push((JSON.parse(data) as { readonly status: string }).status);
        if (event === 'epoch') epochs.push(JSON.parse(data) as EpochMetrics);
      }
      last = stream.events.findLast(({ id: eventId }) => eventId !== undefined)?.id ?? last;
      if (statuses.some((status) => ['succeeded', 'failed', 'cancelled'].includes(status))) return { ...followed, headMs, fault: null };
    } catch (error) {
      return { ...followed, headMs: performance.now() - since, fault: `the event stream could not be opened: ${String(error)}` };
    }
    await delay(reconnectMs);
  }
}
