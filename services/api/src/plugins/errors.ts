// Converts all errors, also errors of fastify and Node, to error responses (RFC 9457). The response to a client error contains its message.
// The response to an error of the server contains only the request id, which finds the cause in the log.
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SpecError } from '@trainyard/engine/spec';
import {
  ArtifactError,
  DatasetInUseError,
  DatasetNotFoundError,
  IdempotencyMismatchError,
  isStorageAway,
  JobNotFoundError,
  JobStateError,
  NoCheckpointError,
  NotRepeatableError,
  NoWebhookError,
  QuotaExceededError,
  type RedisFailure,
  type RedisHealth,
  WeightsInUseError,
  WeightsNotFoundError,
  SweepStateError,
} from '@trainyard/jobs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { closeSoon } from '../http/lingeringClose.ts';
import { longestUrl, requestIdHeader } from '../http/requestIds.ts';
import { TooManyWaitingError } from '../fairSemaphore.ts';
import { nothingThere, orDiskError, ProblemError, storageAway } from '../problems.ts';
import { seenPath } from './basePath.ts';

declare module 'fastify' {
  interface FastifyInstance {
    redisHealth: Pick<RedisHealth, 'report'>;
  }
  interface FastifyContextConfig {
    /** The media type of the route's body. Default: JSON. */
    mediaType?: string;
    /** The most bytes of an image as the body. Default: those of other bodies. */
    imageBytesLimit?: number;
  }
}

/** Seconds after which a client may try again when Redis cannot be used. */
const retryAfterSeconds = '2';

/** Returns the 503 for a Redis that cannot be used. */
function redisUnavailable({ reason }: RedisFailure): ProblemError {
  return new ProblemError('unavailable', `Redis, which holds the jobs, ${reason}; try again shortly.`, {
    headers: { 'retry-after': retryAfterSeconds },
  });
}

/** Returns the 429 for a quota that becomes free again by itself, or the 413 for one that does not. */
function overQuota({ message, quota, retryAfterSeconds }: QuotaExceededError): ProblemError {
  const detail = `${message.replace(/^this/, 'This')}.`;
  if (quota === 'storageBytes' || quota === 'redisBytes') return new ProblemError('storageQuotaExceeded', detail);
  return new ProblemError('quotaExceeded', detail, { headers: { 'retry-after': String(retryAfterSeconds) } });
}

/** Returns the problem of a request that cannot wait, because too many requests are waiting: of its own key (429) or of all keys (503). */
function tooManyWaiting({ isOwnLimit }: TooManyWaitingError): ProblemError {
  const headers = { 'retry-after': '5' };
  if (isOwnLimit)
    return new ProblemError('tooManyRequests', 'Too many requests of this key are waiting. Wait for their responses first.', { headers });
  return new ProblemError('unavailable', 'Too many requests are waiting. Try again shortly.', { headers });
}

/** Returns the most bytes of a body of this request's media type. */
function bodyLimitOf({ routeOptions, headers }: FastifyRequest): number | undefined {
  const isImage = headers['content-type']?.toLowerCase().startsWith('image/') === true;
  return (isImage ? routeOptions.config.imageBytesLimit : undefined) ?? routeOptions.bodyLimit;
}

/** Returns the problem for an error of fastify; `undefined` if it is not the client's fault. */
function fromFastify(error: Error & { code: string; statusCode: number }, request: FastifyRequest): ProblemError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ProblemError(
        'unsupportedMediaType',
        `The body must be ${request.routeOptions.config.mediaType ?? 'application/json'}, got ${(request.headers['content-type'] ?? 'no Content-Type').slice(0, 100)}.`,
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ProblemError('bodyTooLarge', `The body may have at most ${bodyLimitOf(request)} bytes.`);
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return nothingThere(request);
    default:
      return error.statusCode >= 400 && error.statusCode < 500
        ? new ProblemError('badRequest', `${error.message.replace(/\.$/, '')}.`)
        : undefined;
  }
}

/** Returns the problem that the client gets for an error of this service or of a library. */
export function problemFor(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof SpecError) {
    const places = error.issues.length === 1 ? 'one place' : `${error.issues.length} places`;
    return new ProblemError('invalidSpec', `The spec cannot work as it is: ${places} to correct, see errors.`, { issues: error.issues });
  }
  if (error instanceof QuotaExceededError) return overQuota(error);
  if (error instanceof TooManyWaitingError) return tooManyWaiting(error);
  if (error instanceof WeightsInUseError || error instanceof DatasetInUseError) return new ProblemError('inUse', `${error.message}.`);
  if (error instanceof DatasetNotFoundError) {
    const issue = { path: '/data/dataset', message: `${error.message} any more`, code: 'unknownDataset' };
    return new ProblemError('invalidSpec', `${issue.message}.`, { issues: [issue] });
  }
  if (error instanceof JobNotFoundError || error instanceof WeightsNotFoundError) return nothingThere(request);
  const refusals = [JobStateError, SweepStateError, NoCheckpointError, NotRepeatableError];
  if (error instanceof Error && refusals.some((refusal) => error instanceof refusal))
    return new ProblemError('wrongState', `${error.message}.`);
  if (error instanceof NoWebhookError) return new ProblemError('noWebhook', `${error.message}.`);
  if (error instanceof IdempotencyMismatchError) return new ProblemError('idempotencyKeyReused', `${error.message}.`);
  if (error instanceof ArtifactError && error.code === 'artifactNotFound') return nothingThere(request);
  if (error instanceof ArtifactError && error.code === 'artifactTooLarge')
    return new ProblemError('bodyTooLarge', 'The artifact storage does not accept a file of this size. Send a smaller file.', {
      cause: error,
    });
  const fault = orDiskError(error);
  if (isStorageAway(fault)) return storageAway(fault);
  if (error instanceof Error) {
    const failure = request.server.redisHealth.report(error);
    if (failure !== null) return redisUnavailable(failure);
    if ('code' in error && typeof error.code === 'string' && 'statusCode' in error && typeof error.statusCode === 'number') {
      const problem = fromFastify(Object.assign(error, { code: error.code, statusCode: error.statusCode }), request);
      if (problem) return problem;
    }
  }
  return new ProblemError(
    'internal',
    "The request failed because of an error of this server. The server's log has the cause under this request id.",
    {
      cause: error,
    },
  );
}

/**
 * Answers a request with the problem for `error`. Logs an unexpected error (code `internal`) at level error, and all other errors at level
 * info. If the client has left, an unexpected error is logged at level warn, because the interrupted work may have caused it.
 */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemFor(error, request);
  if (problem.code === 'internal' && reply.raw.destroyed) request.log.warn({ err: problem.cause }, 'request failed after its client left');
  else if (problem.code === 'internal') request.log.error({ err: problem.cause }, 'request failed');
  else request.log.info({ code: problem.code, err: problem.cause }, problem.message);
  return (
    reply
      .code(problem.statusCode)
      .headers({ ...problem.headers, [requestIdHeader]: request.id, 'cache-control': 'no-store' })
      .removeHeader('content-length')
      .type('application/problem+json')
      // Sent as bytes, because fastify would add a charset to a text, and this media type has none.
      .send(Buffer.from(JSON.stringify(problem.toProblem(seenPath(request), request.id))))
  );
}

/** Answers data that Node could not parse as an HTTP request. There is a socket, but no request object. */
export function answerClientError(error: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  let problem = new ProblemError('badRequest', 'The received data is not a valid HTTP request.');
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') problem = new ProblemError('requestTimeout', 'The request did not arrive in time.');
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    problem = isOneLine(error.rawPacket)
      ? new ProblemError('uriTooLong', `The path and query may have at most ${longestUrl} bytes together.`)
      : new ProblemError('headersTooLarge', 'The header fields have more than 16 KiB.');
  }
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    problem = new ProblemError('bodyTooLarge', 'The chunk extensions have more than 16 KiB.');
  endWith(problem, socket);
}

/** Answers CONNECT requests. Without this, Node would close their connections without a response. */
export function answerConnect(_request: unknown, socket: Duplex): void {
  endWith(
    new ProblemError('methodNotAllowed', 'This server is not a proxy: CONNECT is not supported.', {
      headers: { allow: 'GET, HEAD, POST' },
    }),
    socket,
  );
}

/** Writes a problem to a connection that has no response object, and ends the connection. */
function endWith(problem: ProblemError, socket: Duplex): void {
  const requestId = randomUUID();
  const body = JSON.stringify(problem.toProblem('', requestId));
  const head = [
    `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}`,
    ...Object.entries(problem.headers).map(([name, value]) => `${name}: ${value}`),
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `${requestIdHeader}: ${requestId}`,
    'connection: close',
  ];
  closeSoon(socket, `${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Returns whether the request line alone was too long. */
function isOneLine(packet: unknown): boolean {
  return Buffer.isBuffer(packet) && /^[A-Z]+ \S*$/.test(packet.subarray(0, 8_192).toString('latin1'));
}

/** Sets the error handler and the handler for unknown paths. In fastify these are two handlers. */
export const errors = fp<{ redisHealth: Pick<RedisHealth, 'report'> }>((app, { redisHealth }, done) => {
  app.decorate('redisHealth', redisHealth);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => sendProblem(nothingThere(request), request, reply));
  done();
});
