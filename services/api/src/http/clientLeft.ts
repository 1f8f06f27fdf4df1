// A signal that ends the work for a client when the client closes the connection.
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { ProblemError } from '../problems.ts';

const signals = new WeakMap<ServerResponse, AbortSignal>();

/** Returns a signal that aborts when the connection closes before the response was sent. Its reason is a ProblemError that is not sent. */
export function clientLeft({ raw }: FastifyReply): AbortSignal {
  const known = signals.get(raw);
  if (known !== undefined) return known;
  const left = new AbortController();
  const onClose = (): void => {
    if (!raw.writableFinished)
      left.abort(new ProblemError('requestTimeout', 'The client closed the connection before the response was sent.'));
  };
  if (raw.destroyed) onClose();
  else raw.once('close', onClose);
  signals.set(raw, left.signal);
  return left.signal;
}
