// What an attack is: something that one key does with the service until it is told to stop. It never cares how it is answered.
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { ask, type Caller, type RequestOptions } from '../requests.ts';

/** What was made ready for the attacks, with the attacker's key. */
export interface Prepared {
  /** Has 83 layers. */
  readonly deepJobId: string;
  /** Has 100,000 epochs. */
  readonly historyJobId: string;
  /** Never ends. */
  readonly pausedJobId: string;
  /** Has 24 MB. */
  readonly datasetId: string;
}

export interface Target extends Caller {
  readonly prepared: Prepared;
  /** Counts an answer. */
  readonly note: (answer: string) => void;
}

export interface Attack {
  readonly name: string;
  /** What it does, in a few words. */
  readonly what: string;
  /** Resolves after the signal. */
  run(target: Target, signal: AbortSignal): Promise<void>;
}

/** Runs an act again and again, so many at a time. Errors of the connection are answers like others. */
export async function repeat(
  { note }: Target,
  signal: AbortSignal,
  atOnce: number,
  act: (count: number) => Promise<number | string>,
): Promise<void> {
  let count = 0;
  const one = async (): Promise<void> => {
    while (!signal.aborted) {
      const answer = await act(count++).catch(() => 'broken');
      if (signal.aborted) return;
      note(String(answer));
      // Over the rate limit nothing else is answered for a while.
      if (answer === 429 || answer === 'broken') await pause(100, signal);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** The status of a request that ends with the signal. */
export async function statusOf(target: Target, signal: AbortSignal, path: string, options: RequestOptions = {}): Promise<number> {
  return (await ask(target, path, { ...options, signal })).status;
}

/** Resolves after so long, or at the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

/** Another address of this machine than the neighbour's. Only Linux has more than one without set-up. */
const attackerAddress = process.platform === 'linux' ? '127.0.0.2' : undefined;

/** A connection that sends this and leaves the rest to the caller. It never reads, and breaks at the signal. */
export function openSocket({ url }: Target, signal: AbortSignal, text: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, ...(attackerAddress && { localAddress: attackerAddress }) }).pause();
  socket.on('error', () => socket.destroy());
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  socket.write(text);
  return socket;
}

/** The head of a request, ready for its body. */
export function headOf({ url, token }: Target, method: string, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const lines = { host: new URL(url).host, authorization: `Bearer ${token}`, ...headers };
  const shown = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${shown.join('')}\r\n`;
}
