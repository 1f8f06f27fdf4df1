// Bounds the connections of this process. A connection belongs to no key until it sends a request, so addresses share the bound: when it
// is reached, the oldest idle connection of the address with the most connections is closed for a new one. A client that does not read
// its answer is disconnected after a while.
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';

export interface ConnectionOptions {
  /** How many connections may be open at the same time. */
  readonly maxConnections: number;
  /** How long a client may leave an answer unread, in ms. */
  readonly stallMs: number;
}

class OpenConnections {
  readonly #max: number;
  /** By address, the oldest connection first. */
  readonly #open = new Map<string, Set<Socket>>();
  /** How many answers each connection waits for. An idle connection is absent. */
  readonly #busy = new Map<Socket, number>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes a connection, for which an idle one may be closed. Without an idle one, the new one is closed. */
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

  /** @param change 1 when a request has come, -1 when its answer has ended */
  count(socket: Socket, change: 1 | -1): void {
    const answers = (this.#busy.get(socket) ?? 0) + change;
    if (answers > 0) this.#busy.set(socket, answers);
    else this.#busy.delete(socket);
  }

  #closeIdle(): boolean {
    const candidates = new Map(this.#open);
    while (candidates.size > 0) {
      const [address, sockets] = largest(candidates);
      const idle = [...sockets].find((socket) => !this.#busy.has(socket));
      if (idle !== undefined) {
        // Its place is free at once; the event comes later.
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
  // Node's timer runs while a connection neither sends nor receives. It also ends idle connections, unless somebody listens.
  server.setTimeout(stallMs, (socket) => {
    if (socket.writableLength > 0 || !open.isBusy(socket)) socket.destroy();
  });
  done();
});
