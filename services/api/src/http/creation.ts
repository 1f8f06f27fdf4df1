// The request and response headers of all routes that create jobs or sweeps. With an idempotency key, a request can be repeated safely.
import { z } from 'zod';

/** The schema of the request headers. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Makes the request safe to repeat for 24 hours. A repeated request gets what the first one created. A request with another body is refused.',
    ),
});

/** Returns the descriptions of the response headers. @param made what the route creates */
export function createdHeaders(made: 'job' | 'sweep') {
  return {
    Location: { type: 'string', description: `The path of the ${made}.` },
    'Idempotency-Replayed': {
      type: 'string',
      description: `\`true\` if an earlier request with the same idempotency key created the ${made}.`,
    },
  } as const;
}

/**
 * Returns the idempotency key of a request, and the content that a repeated request must have. Returns an empty object if there is no key.
 * @param request every part of the request that affects what is created
 */
export function idempotencyOf(
  headers: z.output<typeof idempotencyHeaders>,
  request: unknown,
): { readonly idempotency?: { readonly key: string; readonly body: unknown } } {
  const key = headers['idempotency-key'];
  return key === undefined ? {} : { idempotency: { key, body: request } };
}
