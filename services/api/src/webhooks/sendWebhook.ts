// One attempt to deliver a webhook: a signed POST to a public address that follows no redirect. It ends within its deadline and reads a
// bounded number of bytes, whatever the receiver does. webhookSender.ts decides when to try again.
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { type WebhookMessage, webhookMessage } from '@trainyard/contracts';
import { Webhook } from 'standardwebhooks';
import { guardedLookup, isPublicAddress, literalAddress, PrivateAddressError, type Resolve } from './addressGuard.ts';

export interface SendOptions {
  readonly url: string;
  /** The secret that signs the message, such as `whsec_…`. */
  readonly secret: string;
  readonly message: WebhookMessage;
  /** Whether addresses of this machine and its network are allowed. */
  readonly allowPrivate: boolean;
  /** How long the attempt may take, in ms, from resolving the name to the end of the response. */
  readonly timeoutMs: number;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** Finds the addresses of a host. */
  readonly resolve: Resolve;
}

/** The response of a receiver. */
export interface Receipt {
  readonly status: number;
  /** How many seconds the receiver wants to wait for the next attempt; `null` if it does not say. */
  readonly retryAfterSeconds: number | null;
}

/** The receiver did not answer before the deadline. */
export class NoAnswerError extends Error {
  constructor() {
    super('its receiver did not answer in time');
    this.name = 'NoAnswerError';
  }
}

/** The receiver sent no valid HTTP response to the request. */
export class InvalidAnswerError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`its receiver sent no valid answer: ${reason}`, options);
    this.name = 'InvalidAnswerError';
  }
}

/** The most bytes of a response body that are read. The body is not used, but reading it lets the receiver finish its response. */
const mostBytes = 64 * 1024;

/** How many informational responses (1xx) are read before the final one. */
const mostInformational = 10;

const SWITCHING_PROTOCOLS = 101;

/**
 * Sends a webhook once.
 * @throws PrivateAddressError if the receiver has no public address and private ones are not allowed
 * @throws NoAnswerError if the receiver has not responded before the deadline
 * @throws InvalidAnswerError if the receiver sends no valid HTTP response
 * @throws Error if the receiver cannot be reached: the host is unknown, the connection is refused, or TLS fails
 * @throws the reason of the signal, if it is aborted
 */
export async function sendWebhook({ url: address, secret, message, ...options }: SendOptions): Promise<Receipt> {
  const url = new URL(address);
  const literal = literalAddress(url);
  if (!options.allowPrivate && literal !== null && !isPublicAddress(literal)) throw new PrivateAddressError();
  const body = JSON.stringify(webhookMessage.parse(message));
  // The id is the same for every attempt, so that the receiver can recognise a message that it already has.
  const id = `msg_${message.data.id}`;
  const now = new Date();
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'trainyard',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, now, body),
  };
  return await withinDeadline(options, async (deadline) => {
    const lookup = guardedLookup(async (host) => await options.resolve(host, deadline), options.allowPrivate);
    const connection = { agent: false, lookup, autoSelectFamily: true };
    return await exchange(url, { method: 'POST', headers, ...connection }, body, deadline);
  });
}

/** Runs `work` with a signal that aborts at the deadline, when the caller's signal aborts, and when the work has ended. */
async function withinDeadline<T>(
  { timeoutMs, signal }: Pick<SendOptions, 'timeoutMs' | 'signal'>,
  work: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const stop = (): void => deadline.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => deadline.abort(new NoAnswerError()), timeoutMs);
  try {
    return await work(deadline.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    // Ends lookups that are still running.
    deadline.abort(new NoAnswerError());
  }
}

/**
 * Sends a request and waits for the response. The promise settles at the deadline at the latest, even if the connection emits no event.
 * Then the connection is destroyed.
 */
async function exchange(url: URL, options: RequestOptions, body: string, deadline: AbortSignal): Promise<Receipt> {
  const request = (url.protocol === 'https:' ? https : http).request(url, options);
  let receipt: Receipt | null = null;
  const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
  const end = (): void => (receipt === null ? reject(deadline.reason as Error) : resolve(receipt));
  deadline.addEventListener('abort', end, { once: true });
  listen(request, {
    onResponse: (response) => {
      receipt = receiptOf(response);
      void drain(response).then(end);
    },
    onSwitch: (response) => resolve(receiptOf(response)),
    // If the connection breaks after the response headers arrived, the received status decides.
    onError: (error) => (receipt === null ? reject(error) : resolve(receipt)),
  });
  try {
    request.end(body);
    return await promise;
  } finally {
    deadline.removeEventListener('abort', end);
    request.destroy();
  }
}

interface Outcomes {
  readonly onResponse: (response: IncomingMessage) => void;
  /** The receiver switches to another protocol (101), so it will send no further HTTP response. */
  readonly onSwitch: (response: Pick<IncomingMessage, 'statusCode' | 'headers'>) => void;
  readonly onError: (error: Error) => void;
}

function listen(request: ClientRequest, { onResponse, onSwitch, onError }: Outcomes): void {
  let informational = 0;
  request.on('response', onResponse);
  request.on('upgrade', (response, socket) => {
    socket.destroy();
    onSwitch(response);
  });
  request.on('information', ({ statusCode, headers }) => {
    informational += 1;
    if (statusCode === SWITCHING_PROTOCOLS) onSwitch({ statusCode, headers });
    else if (informational > mostInformational) onError(new InvalidAnswerError('too many informational answers (1xx)'));
  });
  request.on('error', (error) => onError(answerErrorOf(error)));
  request.on('close', () => onError(new InvalidAnswerError('the connection was closed')));
}

/** Returns an InvalidAnswerError for an error of the HTTP parser, which the receiver caused. Other errors are returned as they are. */
function answerErrorOf(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (!code.startsWith('HPE_')) return error;
  const isHeaders = code === 'HPE_HEADER_OVERFLOW';
  return new InvalidAnswerError(isHeaders ? 'its headers are too large' : `it is not HTTP/1.1 (${code})`, { cause: error });
}

function receiptOf({ statusCode: status = 0, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>): Receipt {
  return { status, retryAfterSeconds: /^\d{1,6}$/.test(headers['retry-after'] ?? '') ? Number(headers['retry-after']) : null };
}

/** Reads the rest of a response, up to a limit. Errors are ignored, because the status has already arrived. */
async function drain(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > mostBytes) break;
    }
  } catch {
    // The body was cut off.
  }
  response.destroy();
}
