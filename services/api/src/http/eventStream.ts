// One SSE response (HTML Living Standard §9.2) as a Readable over an async iterable of events. It pulls an event
// only when the client has room for it, sends a comment as heartbeat, and tells the source at once, through an
// AbortSignal, when the client is gone. It knows nothing of jobs, Redis or HTTP headers.
import { Readable } from 'node:stream';

/** An event to send. One without an id is live only: a client that comes back does not ask for what followed it. */
export type ServerSentEvent = { id?: string | undefined; event: string; data: unknown };

/** Milliseconds that a client waits before it comes back; sent once, as the first line. */
const retryMs = 2000;

/** Bytes that wait here for a slow client before its source is no longer asked; the socket holds as much again. */
const bufferedBytes = 16 * 1024;

function frame({ id, event, data }: ServerSentEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Ends when its source ends; an error of the source destroys it, so that the client comes back with its last id. */
export class EventStream extends Readable {
  readonly #abort = new AbortController();
  readonly #events: AsyncIterator<ServerSentEvent>;
  readonly #heartbeat: NodeJS.Timeout;
  #pumping = false;
  #wanted = false;
  #finished = false;

  /** `follow` opens the source; it has to end soon after its signal aborts. */
  constructor(follow: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>, heartbeatMs: number) {
    super({ highWaterMark: bufferedBytes });
    this.#events = follow(this.#abort.signal)[Symbol.asyncIterator]();
    this.#heartbeat = setInterval(() => this.#send(': heartbeat\n\n'), heartbeatMs);
    this.#send(`retry: ${retryMs}\n\n`);
  }

  /** Ends the response after what is already buffered, as a stopping server does. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#release();
    this.push(null);
  }

  override _read(): void {
    this.#wanted = true;
    if (!this.#pumping) void this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#finished = true;
    this.#release();
    callback(error);
  }

  /** Stops the heartbeat and the source; the source's `return` has to wait for a `next` that is under way. */
  #release(): void {
    clearInterval(this.#heartbeat);
    this.#abort.abort();
    if (!this.#pumping) void this.#events.return?.().catch(() => undefined);
  }

  #send(text: string): boolean {
    return !this.#finished && this.push(text);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      // _read can be called again from inside push(); the flag keeps that request from being lost.
      while (this.#wanted && !this.#finished) {
        const next = await this.#events.next();
        if (next.done) return this.finish();
        this.#wanted = false;
        if (this.#send(frame(next.value))) this.#wanted = true;
      }
    } catch (error) {
      if (!this.#finished) this.destroy(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#pumping = false;
      if (this.#finished) this.#release();
    }
  }
}
