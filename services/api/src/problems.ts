// What can go wrong with a request: every error answer's code, status and title, and the error that carries one to
// the error handler. The body's shape is the contract's Problem (RFC 9457).
import type { Problem, ProblemIssue } from '@trainyard/contracts';
import { mostProblems } from '@trainyard/engine/spec';
import { type ArtifactError, diskErrorOf } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { seenPath } from './plugins/basePath.ts';

/** Every code that an answer can carry in `code`, with its HTTP status and title. */
export const problemKinds = {
  badRequest: { status: 400, title: 'The request is not valid HTTP' },
  malformedJson: { status: 400, title: 'The body is not valid JSON' },
  malformedForm: { status: 400, title: 'The body is not a valid form' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  adminOnly: { status: 403, title: 'This needs the key of an admin' },
  forbiddenHost: { status: 403, title: 'This host name is not served' },
  forwardedRequest: { status: 403, title: 'Requests through a proxy need API keys' },
  forbiddenOrigin: { status: 403, title: 'Requests from other web sites are not served' },
  notFound: { status: 404, title: 'Not found' },
  noWebhook: { status: 404, title: 'The job has no webhook' },
  methodNotAllowed: { status: 405, title: 'Method not allowed' },
  notAcceptable: { status: 406, title: 'No representation in an accepted media type' },
  requestTimeout: { status: 408, title: 'The request took too long to arrive' },
  wrongState: { status: 409, title: 'The job is not in a state that allows this' },
  inUse: { status: 409, title: 'Something still needs it' },
  notReady: { status: 409, title: 'The upload is not a dataset yet' },
  builtInDataset: { status: 409, title: 'The dataset is built in' },
  bodyTooLarge: { status: 413, title: 'The body is too large' },
  storageQuotaExceeded: { status: 413, title: 'There is no room for more of this key' },
  uriTooLong: { status: 414, title: 'The URL is too long' },
  unsupportedMediaType: { status: 415, title: 'Unsupported media type' },
  rangeNotSatisfiable: { status: 416, title: 'The range lies outside the file' },
  expectationFailed: { status: 417, title: 'The expectation cannot be met' },
  invalidSpec: { status: 422, title: 'The spec cannot work' },
  invalidDataset: { status: 422, title: 'The files are not a dataset' },
  invalidRequest: { status: 422, title: 'The request has values that are not allowed' },
  invalidWeights: { status: 422, title: 'The file holds no weights that can be read' },
  idempotencyKeyReused: { status: 422, title: 'The idempotency key belongs to another request' },
  tooManyRequests: { status: 429, title: 'Too many requests' },
  quotaExceeded: { status: 429, title: 'A quota of this key is used up' },
  headersTooLarge: { status: 431, title: 'The request header fields are too large' },
  internal: { status: 500, title: 'Something went wrong here' },
  unavailable: { status: 503, title: 'A dependency is away' },
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

  /** The answer's body for the request with this path and id. */
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
