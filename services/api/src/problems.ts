// The codes, statuses and titles of all error responses, and the error class that produces them. The contract's schema `Problem` (RFC 9457)
// describes the body of an error response.
import type { Problem, ProblemIssue } from '@trainyard/contracts';
import { mostProblems } from '@trainyard/engine/spec';
import { type ArtifactError, diskErrorOf } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { seenPath } from './plugins/basePath.ts';

/** All problem codes (the field `code` of an error response), with their HTTP statuses and titles. */
export const problemKinds = {
  badRequest: { status: 400, title: 'The request is not valid HTTP' },
  malformedJson: { status: 400, title: 'The body is not valid JSON' },
  malformedForm: { status: 400, title: 'The body is not a valid form' },
  unauthorized: { status: 401, title: 'The request needs a valid API key' },
  adminOnly: { status: 403, title: 'The request needs the API key of an admin' },
  forbiddenHost: { status: 403, title: 'Requests to this host name are refused' },
  forwardedRequest: { status: 403, title: 'Requests through a proxy need API keys' },
  forbiddenOrigin: { status: 403, title: 'Requests from other web sites are refused' },
  notFound: { status: 404, title: 'Not found' },
  noWebhook: { status: 404, title: 'The job has no webhook' },
  methodNotAllowed: { status: 405, title: 'Method not allowed' },
  notAcceptable: { status: 406, title: 'No representation in an accepted media type' },
  requestTimeout: { status: 408, title: 'The request took too long to arrive' },
  wrongState: { status: 409, title: 'The job is not in a state that allows this' },
  inUse: { status: 409, title: 'The resource is still in use' },
  notReady: { status: 409, title: 'The upload is not a dataset yet' },
  builtInDataset: { status: 409, title: 'The dataset is built in' },
  bodyTooLarge: { status: 413, title: 'The body is too large' },
  storageQuotaExceeded: { status: 413, title: 'A storage quota of this key is used up' },
  uriTooLong: { status: 414, title: 'The URL is too long' },
  unsupportedMediaType: { status: 415, title: 'Unsupported media type' },
  rangeNotSatisfiable: { status: 416, title: 'The range is outside the file' },
  expectationFailed: { status: 417, title: 'The expectation cannot be met' },
  invalidSpec: { status: 422, title: 'The spec cannot work' },
  invalidDataset: { status: 422, title: 'The files are not a dataset' },
  invalidRequest: { status: 422, title: 'The request has values that are not allowed' },
  invalidWeights: { status: 422, title: 'No weights can be read from the file' },
  idempotencyKeyReused: { status: 422, title: 'The idempotency key belongs to another request' },
  tooManyRequests: { status: 429, title: 'Too many requests' },
  quotaExceeded: { status: 429, title: 'A quota of this key is used up' },
  headersTooLarge: { status: 431, title: 'The request header fields are too large' },
  internal: { status: 500, title: 'The server had an internal error' },
  unavailable: { status: 503, title: 'The service is temporarily unavailable' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problemKinds;

/** The most characters of a problem's path and message in a response. Both may quote the request. */
const longest = { path: 500, message: 4_000 } as const;

/** Returns a problem with a shortened path and message. */
function bounded({ path, message, ...rest }: ProblemIssue): ProblemIssue {
  return { path: path.slice(0, longest.path), message: message.slice(0, longest.message), ...rest };
}

/** Thrown by hooks and handlers to answer with an error. The client gets `detail`. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly issues: readonly ProblemIssue[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { issues?: readonly ProblemIssue[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.statusCode = problemKinds[code].status;
    this.issues = (more.issues ?? []).slice(0, mostProblems);
    this.headers = more.headers ?? {};
  }

  /** Returns the body of the error response. @param instance the path of the request */
  toProblem(instance: string, requestId: string): Problem {
    const { status, title } = problemKinds[this.code];
    return {
      type: `urn:trainyard:problem:${this.code}`,
      title,
      status,
      detail: this.message.slice(0, 2 * longest.message),
      instance,
      code: this.code,
      requestId,
      ...(this.issues.length > 0 ? { errors: this.issues.map(bounded) } : {}),
    };
  }
}

/** Returns the 503 for a storage that cannot be used now. Only the cause has paths and addresses. It is logged, not sent. */
export function storageAway(cause: ArtifactError): ProblemError {
  const isFull = cause.code === 'diskFull';
  const detail = isFull
    ? 'There is no room left on this server for this request; try again later.'
    : 'The artifact storage cannot be used now; try again shortly.';
  return new ProblemError('unavailable', detail, {
    issues: [{ path: '/dependencies/storage', message: isFull ? 'storage has no room left' : 'storage cannot be used', code: cause.code }],
    headers: { 'retry-after': isFull ? '60' : '2' },
    cause,
  });
}

/** Turns an error of the local disk into an ArtifactError; returns other errors as they are. */
export function orDiskError(error: unknown): unknown {
  return diskErrorOf(error, 'the upload', "the service's own folder") ?? error;
}

/** Returns the 404 for the path of a request. A job of another key gets the same response as a job that does not exist. */
export function nothingThere(request: FastifyRequest): ProblemError {
  return new ProblemError('notFound', `There is nothing at ${seenPath(request)}.`);
}
