// A reader of a job's events that goes away now and then, and comes back to another process with the id of the last event that it has.
import { openStream } from '../api/fixtures/eventSource.ts';
import type { Client } from './client.ts';

/** Reads a job's events to their end, over as many connections as it takes. */
export async function follow(client: Client, jobId: string): Promise<void> {
  const { ledger, draws } = client;
  const ids: string[] = [];
  for (let connections = 1; ; connections++) {
    const last = ids.at(-1);
    const stream = await openStream(`${client.url}/jobs/${jobId}/events`, last === undefined ? {} : { 'last-event-id': last });
    if (stream.status === 204) {
      ledger.streams.push({ jobId, ids, connections });
      return;
    }
    if (stream.status !== 200) {
      ledger.violated(`GET /jobs/{id}/events was answered ${stream.status}`);
      stream.leave();
      return;
    }
    const patience = draws.between(1, 8);
    // Only stored events have ids. A stream that ends has said all that there is, or its reader was too slow for it.
    await stream.until(({ events }) => events.filter(({ id }) => id !== undefined).length >= patience).catch(() => undefined);
    stream.leave();
    ids.push(...stream.events.flatMap(({ id }) => id ?? []));
  }
}
