// Receives the neighbour's webhooks and records when each of them arrived first.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';

export class WebhookReceiver {
  readonly #server: Server;
  readonly #arrivals = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const name = (request.url ?? '').slice(1);
      const now = Date.now();
      this.#arrivals.set(name, this.#arrivals.get(name) ?? now);
      this.#waiting.get(name)?.(now);
      request.resume();
      response.writeHead(204).end();
    });
  }

  /** Starts a receiver on a free port. */
  static async listen(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** Returns a URL for one webhook. */
  urlOf(name: string): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/${name}`;
  }

  /** Waits for a webhook. @returns when it arrived, as `Date.now()`; null if it does not arrive within `timeoutMs` */
  async arrival(name: string, timeoutMs: number): Promise<number | null> {
    const arrived = this.#arrivals.get(name);
    if (arrived !== undefined) return arrived;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#waiting.set(name, resolve);
    const timer = setTimeout(() => resolve(null), timeoutMs);
    const at = await promise;
    clearTimeout(timer);
    this.#waiting.delete(name);
    return at;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
