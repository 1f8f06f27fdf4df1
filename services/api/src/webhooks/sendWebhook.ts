// One attempt to deliver a webhook: a signed POST, within bounds of time and bytes, to a public address, following no redirect.
// When to try again is webhookSender.ts's.
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { type WebhookMessage, webhookMessage } from '@trainyard/contracts';
import { Webhook } from 'standardwebhooks';
import { guardedLookup, isPublicAddress, literalAddress, PrivateAddressError, type Resolve } from './addressGuard.ts';

export interface SendOptions {
  readonly url: string;
  /** `whsec_…` */
  readonly secret: string;
  readonly message: WebhookMessage;
  /** Whether addresses of this machine and its network are allowed. */
  readonly allowPrivate: boolean;
  /** How long the whole of it may take, in ms. */
  readonly timeoutMs: number;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** For tests of names that change their meaning. */
  readonly resolve?: Resolve;
}

/** What a receiver answered. */
export interface Receipt {
  readonly status: number;
  /** After how many seconds it wants the next attempt, if it said so. */
  readonly retryAfterSeconds: number | null;
}

/** Of an answer's body, which nobody needs, this much is read so that the receiver can end in peace. */
const mostBytes = 64 * 1024;

/**
 * Sends it once.
 * @throws PrivateAddressError
 * @throws Error for what goes wrong on the way: no such host, refused, timed out, broken TLS
 */
export async function sendWebhook({ url: address, secret, message, ...options }: SendOptions): Promise<Receipt> {
  const url = new URL(address);
  const literal = literalAddress(url);
  if (!options.allowPrivate && literal !== null && !isPublicAddress(literal)) throw new PrivateAddressError();
  const body = JSON.stringify(webhookMessage.parse(message));
  // The same for every attempt, so that a receiver knows a message that it has.
  const id = `msg_${message.data.id}`;
  const now = new Date();
  const request: RequestOptions = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'trainyard',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, now, body),
    },
    agent: false,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]),
    ...(options.allowPrivate ? {} : { lookup: guardedLookup(options.resolve), autoSelectFamily: true }),
  };
  const response = await exchange(url, request, body);
  const { statusCode: status = 0, headers } = response;
  await drain(response);
  return { status, retryAfterSeconds: /^\d{1,6}$/.test(headers['retry-after'] ?? '') ? Number(headers['retry-after']) : null };
}

async function exchange(url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === 'https:' ? https : http).request(url, options, resolve);
  request.on('error', reject).end(body);
  return await promise;
}

/** Reads the rest of an answer, or leaves it, whatever is the less. The status counts either way. */
async function drain(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > mostBytes) break;
    }
  } catch {
    // Its end was late or broken off.
  }
  response.destroy();
}
