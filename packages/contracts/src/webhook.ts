// A job's webhook: what a client asks for, what a job shows of it, and the message that its receiver gets. The message is thin:
// the receiver asks for the job. It is signed as Standard Webhooks wants it (github.com/standard-webhooks).
import { z } from 'zod';
import { finalStatuses } from './status.ts';

/** A signing secret: `whsec_` and the base64 of a key, whose length Standard Webhooks bounds. */
export const webhookSecret = z
  .string()
  .regex(
    /^whsec_(?:(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==)?|(?:[A-Za-z0-9+/]{4}){8,20}[A-Za-z0-9+/]{3}=)$/,
    'must be whsec_ and the base64 of 24 to 64 bytes',
  );

/** An address that messages can be sent to, as far as its text tells; without a user and password, since the signature says who sends. */
const webhookUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL, such as https://example.com/hooks', abort: true })
  .max(2_048)
  .regex(/^https?:\/\/[^\s/?#@\\]+(?:[/?#][!-~]*)?$/i, 'must be an http or https URL in ASCII, without a user or password');

export const newWebhook = z
  .strictObject({
    url: webhookUrl.describe('Gets a POST when the job has succeeded, failed or been cancelled.'),
    secret: webhookSecret
      .optional()
      .describe('Signs the messages: `whsec_` and base64. Never shown again. Left out, the one that the service is configured with.')
      .meta({ writeOnly: true }),
  })
  .meta({ id: 'NewWebhook', examples: [{ url: 'https://example.com/hooks', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }] });
export type NewWebhook = z.infer<typeof newWebhook>;

export const webhookStatus = z
  .enum(['waiting', 'pending', 'delivered', 'failed', 'disabled'])
  .describe(
    'waiting for the end of the job; pending: to be sent, perhaps again; delivered: answered with 2xx; failed: given up; disabled: its receiver said 410, that it is gone.',
  );
export type WebhookStatus = z.infer<typeof webhookStatus>;

export const jobWebhook = z
  .object({
    url: z.string(),
    status: webhookStatus,
    attempts: z.int().min(0).describe('How often it was sent, since it was last asked for.'),
    lastAttemptAt: z.iso.datetime().nullable(),
    error: z.string().nullable().describe('Why the last attempt was none that counts.'),
  })
  .meta({ id: 'JobWebhook', description: 'What has become of the webhook. Its secret is not shown.' });
export type JobWebhook = z.infer<typeof jobWebhook>;

/** The body of a message. */
export const webhookMessage = z.object({
  type: z.enum(finalStatuses.map((status) => `job.${status}` as const)),
  timestamp: z.iso.datetime().describe('When the job ended.'),
  data: z.object({ id: z.string().describe('Of the job.') }),
});
export type WebhookMessage = z.infer<typeof webhookMessage>;
