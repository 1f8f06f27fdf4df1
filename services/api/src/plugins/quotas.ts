// Returns the quotas of a request's caller. Admins have no quotas. Without API keys, every caller is an admin.
import { type KeyQuotas, noQuotas, type Quotas } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { callerOf } from './access.ts';

export function quotasOf(request: FastifyRequest, { quotas }: Pick<KeyQuotas, 'quotas'>): Quotas {
  return callerOf(request).role === 'admin' ? noQuotas : quotas;
}
