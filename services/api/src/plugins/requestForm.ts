// Checks every request before its body is read: the length of its URL, its path, its `Expect` header, and the encoding of its body.
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { hasBody } from '../http/lingeringClose.ts';
import { longestUrl } from '../http/requestIds.ts';
import { ProblemError } from '../problems.ts';
import { answerConnect } from './errors.ts';
import { noRoute } from './methodNotAllowed.ts';

/** Refuses a compressed body, because it could be a thousand times larger after decompression. */
function checkEncoding(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity' || !hasBody(request.headers)) return;
  throw new ProblemError('unsupportedMediaType', `The body is encoded as ${encoding.slice(0, 100)}. Send it without Content-Encoding.`, {
    headers: { 'accept-encoding': 'identity' },
  });
}

export const requestForm = fp((app, _options, done) => {
  // Node would answer an unknown expectation with a 417 without a body.
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response));
  app.server.on('connect', answerConnect);
  app.addHook('onRequest', (request, _reply, next) => {
    const { expect } = request.headers;
    if (Buffer.byteLength(request.raw.url ?? '') > longestUrl) {
      throw new ProblemError('uriTooLong', `The path and query may have at most ${longestUrl} bytes together.`);
    }
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      throw new ProblemError('expectationFailed', 'The only supported Expect header is 100-continue.');
    }
    // Answers before the body is read, because the body may take long to arrive.
    if (request.is404) throw noRoute(request);
    next();
  });
  app.addHook('preParsing', async (request, _reply, payload) => {
    checkEncoding(request);
    return await Promise.resolve(payload);
  });
  done();
});
