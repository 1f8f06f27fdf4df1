// A signal for work that nobody needs once its client has closed the connection.
import type { FastifyReply } from 'fastify';
import { ProblemError } from '../problems.ts';

/** Aborts, with a ProblemError that nobody gets, when the connection closes before the answer is sent. */
export function clientLeft({ raw }: FastifyReply): AbortSignal {
  const left = new AbortController();
  const onClose = (): void => {
    if (!raw.writableFinished) left.abort(new ProblemError('requestTimeout', 'The client left before it had its answer.'));
  };
  if (raw.destroyed) {
    onClose();
  } else {
    // Node warns of more listeners than the plugins need.
    raw.setMaxListeners(raw.getMaxListeners() + 1);
    raw.once('close', onClose);
  }
  return left.signal;
}
