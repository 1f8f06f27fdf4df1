// The scripts about webhooks of ended jobs.
import { jobStatus } from '@trainyard/contracts';
import { z } from 'zod';
import { defineScript, replies, words } from './script.ts';

export const parkWebhook = defineScript({
  name: 'parkWebhook',
  keys: ['parked', 'owners'],
  /** `queueId`: the id in the queue. `queuedMs`: when it was queued. */
  args: ['owner', 'queueId', 'queuedMs'],
  reply: words('parked'),
});

export const takeParkedWebhook = defineScript({
  name: 'takeParkedWebhook',
  keys: ['parked', 'owners'],
  args: ['owner'],
  /** `taken`: the id in the queue. */
  reply: z.union([replies('taken', z.string()), words('none')]),
});

export const takeEnded = defineScript({
  name: 'takeEnded',
  keys: ['job', 'ended'],
  args: ['jobId', 'round'],
  reply: words('taken', 'stale'),
});

export const writeWebhookState = defineScript({
  name: 'writeWebhookState',
  keys: ['job'],
  /** `state` is JSON. */
  args: ['round', 'state'],
  reply: words('written', 'stale'),
});

export const redeliverWebhook = defineScript({
  name: 'redeliverWebhook',
  /** `gone`: the key that records that the receiver has answered 410 Gone. */
  keys: ['job', 'ended', 'gone'],
  /** `state` is JSON. */
  args: ['jobId', 'state'],
  /** `none`: the job has no webhook. `refused`: the job has not ended. */
  reply: z.union([words('accepted', 'missing', 'none'), replies('refused', jobStatus)]),
});
