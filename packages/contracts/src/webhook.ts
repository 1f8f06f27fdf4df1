// A job's webhook: the request for it, its state in a job, and the message that its receiver gets. The message contains only the job's id;
// the receiver then requests the job from the API. It is signed according to Standard Webhooks (github.com/standard-webhooks).
import { z } from 'zod';
import { finalStatuses } from './status.ts';

/** A signing secret: `whsec_` and the base64 of a key of 24 to 64 bytes, as Standard Webhooks requires. */
export const webhookSecret = z
  .string()
  .regex(
    /^whsec_(?:(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==)?|(?:[A-Za-z0-9+/]{4}){8,20}[A-Za-z0-9+/]{3}=)$/,
    'must be whsec_ and the base64 of 24 to 64 bytes',
  );

/** The URL of a receiver. Only the form of the URL is checked here. It has no user and password, because messages are signed. */
const webhookUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL, such as https://example.com/hooks', abort: true })
  .max(2_048)
  .regex(/^https?:\/\/[^\s/?#@\\]+(?:[/?#][!-~]*)?$/i, 'must be an http or https URL in ASCII, without a user or password');

export const newWebhook = z
  .strictObject({
    url: webhookUrl.describe('Receives a POST when the job has succeeded, failed or been cancelled.'),
    secret: webhookSecret
      .optional()
      .describe('Signs the messages: `whsec_` and base64. It is never shown again. If omitted, the secret of the service is used.')
      .meta({ writeOnly: true }),
  })
  .meta({ id: 'NewWebhook', examples: [{ url: 'https://example.com/hooks', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }] });
export type NewWebhook = z.infer<typeof newWebhook>;

export const webhookStatus = z
  .enum(['waiting', 'pending', 'delivered', 'failed', 'disabled'])
  .describe(
    'waiting: the job has not ended. pending: the message will be sent or retried. delivered: the receiver responded with 2xx. failed: all attempts failed. disabled: the receiver responded with 410 (gone).',
  );
export type WebhookStatus = z.infer<typeof webhookStatus>;

export const jobWebhook = z
  .object({
    url: z.string(),
    status: webhookStatus,
    attempts: z.int().min(0).describe('The number of delivery attempts, counted again from 0 after a redelivery request.'),
    lastAttemptAt: z.iso.datetime().nullable(),
    error: z.string().nullable().describe('The reason why the last attempt failed.'),
  })
  .meta({ id: 'JobWebhook', description: 'The state of the webhook. Its secret is not shown.' });
export type JobWebhook = z.infer<typeof jobWebhook>;

/** The body of a message. */
export const webhookMessage = z.object({
  type: z.enum(finalStatuses.map((status) => `job.${status}` as const)),
  timestamp: z.iso.datetime().describe('The time at which the job ended.'),
  data: z.object({ id: z.string().describe('The id of the job.') }),
});
export type WebhookMessage = z.infer<typeof webhookMessage>;
