// The interface of attacks, and functions for them. An attack sends requests with one key until a signal stops it, whatever the responses
// are.
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, type Caller, type RequestOptions } from '../requests.ts';

/** The jobs and the dataset that the attacks use. They belong to the attacker's key. */
export interface Prepared {
  /** A job whose network has 83 layers, if one of the attacks needs it. */
  readonly deepJobId: string;
  /** A job with 100,000 epochs, if one of the attacks needs it. */
  readonly historyJobId: string;
  /** A paused job, which never ends. */
  readonly pausedJobId: string;
  /** A dataset of 24 MB. */
  readonly datasetId: string;
}

export interface Target extends Caller {
  readonly prepared: Prepared;
  /** Counts a response: its status, or another result such as `broken`. */
  readonly note: (response: string) => void;
}

export interface Attack {
  readonly name: string;
  /** What the attack does, in a few words. */
  readonly what: string;
  /** Attacks until the signal aborts, then resolves. */
  run(target: Target, signal: AbortSignal): Promise<void>;
}

/** Runs `act` again and again until the signal aborts, `atOnce` times in parallel. Notes each result; a broken connection counts as `broken`. */
export async function repeat(
  { note }: Target,
  signal: AbortSignal,
  atOnce: number,
  act: (count: number) => Promise<number | string>,
): Promise<void> {
  let count = 0;
  const one = async (): Promise<void> => {
    while (!signal.aborted) {
      const response = await act(count++).catch(() => 'broken');
      if (signal.aborted) return;
      note(String(response));
      // Pauses after a 429, because the next request would get a 429 too. Also pauses after a failed request.
      if (response === 429 || response === 'broken') await pause(100, signal);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** Sends a request and returns the status of the response. The signal aborts the request. */
export async function statusOf(target: Target, signal: AbortSignal, path: string, options: RequestOptions = {}): Promise<number> {
  return (await ask(target, path, { ...options, signal })).status;
}

/** Resolves after `ms` milliseconds, or earlier when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** A loopback address that the neighbour does not use. Only Linux has a second loopback address without configuration. */
const attackerAddress = process.platform === 'linux' ? '127.0.0.2' : undefined;

/** Opens a connection and writes `text` to it, but never reads from it. The connection is destroyed when the signal aborts. */
export function openSocket({ url }: Target, signal: AbortSignal, text: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, ...(attackerAddress && { localAddress: attackerAddress }) }).pause();
  socket.on('error', () => socket.destroy());
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  socket.write(text);
  return socket;
}

/** Builds the request line and the headers of a request, up to the empty line before the body. */
export function headOf({ url, token }: Target, method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = { host: new URL(url).host, authorization: `Bearer ${token}`, ...headers };
  const shown = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${shown.join('')}\r\n`;
}
