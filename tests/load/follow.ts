// Reads the events of a job. The reader sometimes disconnects, and reconnects to another process with the id of its last event.
import { openStream } from '../api/fixtures/eventSource.ts';
import type { Client } from './client.ts';

/** Reads all events of a job, over one or more connections. */
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
      ledger.violated(`GET /jobs/{id}/events got the status ${stream.status}`);
      stream.leave();
      return;
    }
    const patience = draws.between(1, 8);
    // Only stored events have ids. A stream ends after the last event of the job, or if its reader is too slow.
    await stream.until(({ events }) => events.filter(({ id }) => id !== undefined).length >= patience).catch(() => undefined);
    stream.leave();
    ids.push(...stream.events.flatMap(({ id }) => id ?? []));
  }
}
