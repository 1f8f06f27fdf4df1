// Receives the neighbour's webhooks and remembers when each arrived.
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

  static async listen(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** An address that belongs to one webhook. */
  urlOf(name: string): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/${name}`;
  }

  /** When the webhook came, as `Date.now()`; null if it does not come in time. */
  async arrival(name: string, patienceMs: number): Promise<number | null> {
    const arrived = this.#arrivals.get(name);
    if (arrived !== undefined) return arrived;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#waiting.set(name, resolve);
    const timer = setTimeout(() => resolve(null), patienceMs);
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
