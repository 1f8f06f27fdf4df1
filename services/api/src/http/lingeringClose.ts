// Closes connections whose client has not sent everything when it gets its answer, such as an upload that is refused. Node would go on
// reading for as long as the client sends. Closing at once would be wrong too: the system would then reset the connection, and the client
// could lose the answer. So the sending side is closed first, and the connection shortly after (RFC 9112 §9.6).
import type { IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long a client has to read its answer before the connection is closed, in ms. */
const lingerMs = 500;

/** Ends a connection: sends what is still to be sent, then closes it, at the latest after a moment. */
export function closeSoon(socket: Duplex, lastBytes = ''): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(lastBytes);
  // What still arrives is dropped.
  socket.resume();
}

/** Returns whether a request with these headers has a body. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Whether the client has announced a body that has not arrived as a whole. */
export function isStillSending({ raw }: FastifyRequest): boolean {
  return !raw.complete && hasBody(raw.headers);
}

/** Has the connection closed after the answer. */
export function closeAfterAnswer(reply: FastifyReply): void {
  void reply.header('connection', 'close');
  const { socket } = reply.raw;
  // Node calls this after the answer. Its own version closes the connection as soon as the answer is handed to the system.
  if (socket instanceof Socket) socket.destroySoon = () => closeSoon(socket);
}
