// Closes connections of clients that are still sending when they get their response, for example because an upload is refused. Node would
// continue to read until the client stops. If the connection were closed at once, the system would reset it and the client could lose the
// response. So the sending side is closed first, and the connection shortly afterwards (RFC 9112 §9.6).
import type { IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long a client has to read its response before the connection is closed, in ms. */
const lingerMs = 500;

/** Sends the remaining data and `lastBytes`, and closes the connection after `lingerMs` at the latest. */
export function closeSoon(socket: Duplex, lastBytes = ''): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(lastBytes);
  // Data that still arrives is dropped.
  socket.resume();
}

/** Returns whether a request with these headers has a body. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Returns whether the client has announced a body that has not arrived completely. */
export function isStillSending({ raw }: FastifyRequest): boolean {
  return !raw.complete && hasBody(raw.headers);
}

/** Makes the connection close after the response. */
export function closeAfterAnswer(reply: FastifyReply): void {
  void reply.header('connection', 'close');
  const { socket } = reply.raw;
  // Node calls this method after the response. Node's own method could close the connection before the client has read the response.
  if (socket instanceof Socket) socket.destroySoon = () => closeSoon(socket);
}
