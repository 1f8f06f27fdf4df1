// What all routes that make jobs have in common: the key that makes them safe to repeat, and what their answer says of it.
import { z } from 'zod';

/** The headers that such a route reads. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('Makes the request safe to repeat for 24 hours: the same body gives again what it made, another one is refused.'),
});

/** The headers of its answer. @param made what it makes: `job` */
export function createdHeaders(made: 'job' | 'sweep') {
  return {
    Location: { type: 'string', description: `The path of the ${made}.` },
    'Idempotency-Replayed': { type: 'string', description: `\`true\` when an earlier request with the same key had made the ${made}.` },
  } as const;
}

/** @param request all of the request that decides what is made */
export function idempotencyOf(
  headers: z.output<typeof idempotencyHeaders>,
  request: unknown,
): { readonly idempotency?: { readonly key: string; readonly body: unknown } } {
  const key = headers['idempotency-key'];
  return key === undefined ? {} : { idempotency: { key, body: request } };
}
