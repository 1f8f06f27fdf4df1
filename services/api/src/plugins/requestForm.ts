// What every request is checked for before its body is read, whatever it is for: the length of its URL, what it expects, and how its body
// is encoded.
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from '../problems.ts';
import { answerConnect } from './errors.ts';

/** Bytes of a request's path and query. */
const longestUrl = 8_192;

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** An inflated body could be a thousand times as large as what arrived, so none is taken compressed. */
function checkEncoding(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity' || !hasBody(request)) return;
  throw new ProblemError('unsupportedMediaType', `The body is encoded as ${encoding}. Send it without Content-Encoding.`, {
    headers: { 'accept-encoding': 'identity' },
  });
}

export const requestForm = fp((app, _options, done) => {
  // Node answers an expectation that it does not know by a 417 of its own, without a body.
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response));
  app.server.on('connect', answerConnect);
  app.addHook('onRequest', (request, _reply, next) => {
    const { expect } = request.headers;
    if (Buffer.byteLength(request.raw.url ?? '') > longestUrl) {
      throw new ProblemError('uriTooLong', `The path and query may have at most ${longestUrl} bytes together.`);
    }
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      throw new ProblemError('expectationFailed', 'Only Expect: 100-continue is known.');
    }
    next();
  });
  app.addHook('preParsing', async (request, _reply, payload) => {
    checkEncoding(request);
    return await Promise.resolve(payload);
  });
  done();
});
