// The body of a response with server-sent events (HTML Living Standard §9.2), as a Readable. It reads the next piece of its source only
// when the client can receive more, and sends comments as heartbeats. When the client leaves, the signal of the source is aborted at once.
import { Readable } from 'node:stream';

/**
 * Opens the source of a stream. The source must end soon after its signal is aborted; it may yield empty pieces. It calls `cutOff` to
 * close the stream of a client that is too slow, without sending the buffered data.
 */
export type StreamSource = (signal: AbortSignal, cutOff: (reason: string) => void) => AsyncIterable<Buffer>;

export interface StreamTiming {
  /** Pause between two heartbeats, in ms. */
  readonly heartbeatMs: number;
  /** How long a client may leave buffered data unread, in ms. */
  readonly stallMs: number;
}

/** The first line of every stream. It says how long an EventSource waits before it reconnects, in ms. */
export const retryLine = 'retry: 2000\n\n';

/** How many bytes are buffered for a slow client before the source is paused. The socket buffers about the same amount. */
const bufferedBytes = 16 * 1024;

/** The reason for aborting sources. All streams share one error, because creating a thousand errors with stacks at once takes too long. */
const clientIsGone = new Error('the client is gone');

/** An SSE response that ends when its source ends. An error of the source breaks the connection, so that the client reconnects. */
export class EventStream extends Readable {
  readonly #abort = new AbortController();
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #stallMs: number;
  #readAt = performance.now();
  #pumping = false;
  #wanted = false;
  #finished = false;

  constructor(follow: StreamSource, { heartbeatMs, stallMs }: StreamTiming) {
    super({ highWaterMark: bufferedBytes });
    this.#stallMs = stallMs;
    this.#pieces = follow(this.#abort.signal, (reason) => this.destroy(new Error(reason)))[Symbol.asyncIterator]();
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    this.#send(retryLine);
  }

  /** Ends the response after what is already buffered, as a stopping server does. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#release();
    this.push(null);
  }

  override _read(): void {
    this.#readAt = performance.now();
    this.#wanted = true;
    if (!this.#pumping) void this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#finished = true;
    this.#release();
    callback(error);
  }

  /** Sends a heartbeat to a client that has read everything. Closes the stream of a client that has read nothing for `stallMs`. */
  #beat(): void {
    if (this.readableLength === 0) this.#send(': heartbeat\n\n');
    else if (performance.now() - this.#readAt > this.#stallMs)
      this.destroy(new Error(`the client has read nothing for ${this.#stallMs / 1_000} s`));
  }

  /** Stops the heartbeat and the source. If a call of the source's `next` is running, `#pump` calls the source's `return` afterwards. */
  #release(): void {
    clearInterval(this.#heartbeat);
    this.#abort.abort(clientIsGone);
    if (!this.#pumping) void this.#pieces.return?.().catch(() => undefined);
  }

  #send(text: Buffer | string): boolean {
    return !this.#finished && this.push(text);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      // push() may call _read again. The flag is cleared before push(), so that this request is not lost.
      while (this.#wanted && !this.#finished) {
        const next = await this.#pieces.next();
        if (next.done) return this.finish();
        if (next.value.length === 0) continue;
        this.#wanted = false;
        if (this.#send(next.value)) this.#wanted = true;
      }
    } catch (error) {
      if (!this.#finished) this.destroy(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#pumping = false;
      if (this.#finished) this.#release();
    }
  }
}
