// Limits the connections of this process. At the limit, a new connection replaces an idle one, first of the address with the most
// connections. API keys cannot decide this, because a connection has no key before its first request. A client that does not read its
// response is disconnected.
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';

export interface ConnectionOptions {
  /** How many connections may be open at the same time. */
  readonly maxConnections: number;
  /** How long a client may leave a response unread, in ms. */
  readonly stallMs: number;
}

class OpenConnections {
  readonly #max: number;
  /** By address, the oldest connection first. */
  readonly #open = new Map<string, Set<Socket>>();
  /** How many responses each connection is waiting for. An idle connection is absent. */
  readonly #busy = new Map<Socket, number>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds a connection. At the limit, an idle connection is closed for it. If none is idle, the new connection is closed. */
  add(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.#count >= this.#max && !this.#closeIdle()) {
      socket.destroy();
      return;
    }
    const sockets = this.#open.get(address) ?? new Set();
    this.#open.set(address, sockets.add(socket));
    this.#count += 1;
    socket.once('close', () => this.#remove(address, socket));
  }

  isBusy(socket: Socket): boolean {
    return this.#busy.has(socket);
  }

  /** Counts the requests of a connection. @param change 1 when a request has arrived, -1 when its response has ended */
  count(socket: Socket, change: 1 | -1): void {
    const answers = (this.#busy.get(socket) ?? 0) + change;
    if (answers > 0) this.#busy.set(socket, answers);
    else this.#busy.delete(socket);
  }

  /** Closes the oldest idle connection of the address that has the most connections and an idle one. Returns false if there is none. */
  #closeIdle(): boolean {
    const candidates = new Map(this.#open);
    while (candidates.size > 0) {
      const [address, sockets] = largest(candidates);
      const idle = [...sockets].find((socket) => !this.#busy.has(socket));
      if (idle !== undefined) {
        // Removed now, because the `close` event comes later.
        this.#remove(address, idle);
        idle.destroy();
        return true;
      }
      candidates.delete(address);
    }
    return false;
  }

  #remove(address: string, socket: Socket): void {
    const sockets = this.#open.get(address);
    if (sockets?.delete(socket) !== true) return;
    this.#count -= 1;
    if (sockets.size === 0) this.#open.delete(address);
  }
}

function largest(byAddress: ReadonlyMap<string, ReadonlySet<Socket>>): [string, ReadonlySet<Socket>] {
  let found: [string, ReadonlySet<Socket>] = ['', new Set()];
  for (const entry of byAddress) if (entry[1].size > found[1].size) found = entry;
  return found;
}

export const connections = fp<ConnectionOptions>((app, { maxConnections, stallMs }, done) => {
  const { server } = app;
  const open = new OpenConnections(maxConnections);
  server.on('connection', (socket) => open.add(socket));
  server.prependListener('request', ({ socket }, response) => {
    open.count(socket, 1);
    response.once('close', () => open.count(socket, -1));
  });
  // Node calls this when a connection has neither sent nor received data for `stallMs`. Because there is a listener, Node does not close
  // idle connections itself.
  server.setTimeout(stallMs, (socket) => {
    if (socket.writableLength > 0 || !open.isBusy(socket)) socket.destroy();
  });
  done();
});
