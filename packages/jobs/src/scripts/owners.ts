// The scripts about the usage of API keys, their rate limits and their tokens for event streams.
import { z } from 'zod';
import { defineScript, replies, words } from './script.ts';

export const readUsage = defineScript({
  name: 'readUsage',
  args: ['tag', 'owner'],
  /** Jobs that have not ended, stored bytes, seconds trained today, seconds until the next UTC day, bytes of Redis memory. */
  reply: z.tuple([z.number(), z.coerce.number(), z.coerce.number(), z.number(), z.coerce.number()]),
});

export const takeTurn = defineScript({
  name: 'takeTurn',
  keys: ['state'],
  args: ['perMinute'],
  /** `refused`: time until the next free turn, in ms. */
  reply: z.union([words('allowed'), replies('refused', z.number())]),
});

export const createStreamToken = defineScript({
  name: 'createStreamToken',
  keys: ['token', 'tokensOfKey'],
  args: ['tag', 'digest', 'jobId', 'keyName', 'keyDigest', 'nowMs', 'beginSeconds', 'mostTokens'],
  reply: words('created'),
});

export const openStreamToken = defineScript({
  name: 'openStreamToken',
  keys: ['token', 'job'],
  args: ['tag', 'digest', 'jobId', 'nowMs', 'idleSeconds', 'afterEndMs'],
  /** `open`: name and digest of the API key. */
  reply: z.union([replies('open', z.string(), z.string()), words('refused')]),
});
