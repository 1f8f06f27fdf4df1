// Many clients of one API process. Readers lose their streams in a restart and reconnect at the same time, and other clients never read
// their responses. Each reader gets each event once and no error, and the process still responds to other requests.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isFinal } from '@trainyard/contracts';
import { openStream, type StreamClient } from '../api/fixtures/eventSource.ts';
import { quantile } from '../bench/figure.ts';
import type { Client } from './client.ts';
import type { Fleet } from './fleet.ts';
import { long } from './specs.ts';

/** The pause of an EventSource before it reconnects, in ms. */
const comeBackMs = 2_000;

/** The time between two checks whether all readers are connected, in ms. */
const lookEveryMs = 50;

export interface CrowdFigures {
  readonly readers: number;
  readonly silent: number;
  /** The number of reconnects of all readers. */
  readonly returns: number;
  /** The time from the restart until the last reader gets its first event or is connected again, in ms. */
  readonly allBackMs: number;
  /** Response times of `GET /health/live` while the silent clients connect, stay and disconnect, in ms. */
  readonly live: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** A reader that behaves like an EventSource: when its stream ends, it reconnects with its last event id, until it gets a 204. */
class Reader {
  /**
   * The ids of the events that the reader has received. All readers share the strings of `#known`, because thousands of readers get the
   * same ids.
   */
  readonly ids: string[] = [];
  connections = 0;
  isConnected = false;
  /** The reason why the reader stopped, unless it was a 204. */
  fault: string | null = null;
  readonly #url: string;
  readonly #known: Map<string, string>;

  /** @param known the ids that the readers have received. All readers share this map */
  constructor(url: string, known: Map<string, string>) {
    this.#url = url;
    this.#known = known;
  }

  async follow(): Promise<void> {
    for (let status = 200; status === 200; ) {
      status = await this.#connection();
      if (status !== 200 && status !== 204) this.fault = `a reader of the crowd got the status ${status}`;
      else if (status === 200) await delay(comeBackMs);
    }
  }

  async #connection(): Promise<number> {
    const last = this.ids.at(-1);
    let stream: StreamClient;
    try {
      stream = await openStream(this.#url, last === undefined ? {} : { 'last-event-id': last }, ({ id }) => this.#keep(id));
    } catch {
      // The process is not listening. An EventSource reconnects after a network error.
      return 200;
    }
    const { status } = stream;
    this.connections += 1;
    this.isConnected = status === 200;
    await stream.ended().catch(() => undefined);
    this.isConnected = false;
    return status;
  }

  /** Keeps the id of an event. Live steps have no id. */
  #keep(id: string | undefined): void {
    if (id === undefined) return;
    const known = this.#known.get(id) ?? id;
    this.#known.set(known, known);
    this.ids.push(known);
  }
}

/** A client that requests a stream and never reads it. */
function askInSilence(url: string): Socket {
  const { hostname, port, host, pathname } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => undefined);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
  return socket;
}

/** Waits until all readers are connected. @returns the time that this took, in ms */
async function allConnected(readers: readonly Reader[]): Promise<number> {
  const since = performance.now();
  while (readers.some(({ isConnected, fault }) => !isConnected && fault === null)) await delay(lookEveryMs);
  return performance.now() - since;
}

/** Measures the response times of `GET /health/live`, in ms, while `act` runs. */
async function liveTimesDuring(url: string, act: () => Promise<unknown>): Promise<number[]> {
  const thread = new Worker(new URL('./liveThread.ts', import.meta.url), { workerData: url });
  await once(thread, 'online');
  await act();
  const times = once(thread, 'message');
  thread.postMessage('stop', []);
  return (await times)[0] as number[];
}

/** Restarts an API process that has the given number of readers of one job, and as many clients that never read. */
export async function crowd(client: Client, fleet: Fleet, size: number): Promise<CrowdFigures> {
  const { ledger } = client;
  const [url = ''] = fleet.urls;
  const { id } = await client.post({ ...long(client.draws), epochs: 100_000 }, ['cancelled']);
  await client.until(id, ({ status }) => status === 'running');
  const path = `${url}/jobs/${id}/events`;
  const known = new Map<string, string>();
  const readers = Array.from({ length: size }, () => new Reader(path, known));
  const following = readers.map(async (reader) => await reader.follow());
  await allConnected(readers);
  await fleet.restartApi(0);
  const allBackMs = await allConnected(readers);

  const live = await liveTimesDuring(url, async () => {
    const silent = Array.from({ length: size }, () => askInSilence(path));
    await delay(5_000);
    for (const socket of silent) socket.destroy();
    await delay(1_000);
  });
  await client.act('cancel', id);
  await Promise.all(following);
  ledger.check(isFinal((await client.until(id)).status), 'the job of the crowd did not end');
  for (const { ids, connections, fault } of readers) {
    if (fault === null) ledger.streams.push({ jobId: id, ids, connections });
    else ledger.violated(fault);
  }
  const returns = readers.reduce((sum, { connections }) => sum + connections - 1, 0);
  return {
    readers: size,
    silent: size,
    returns,
    allBackMs,
    live: { p50: quantile(live, 0.5), p99: quantile(live, 0.99), max: Math.max(...live) },
  };
}
