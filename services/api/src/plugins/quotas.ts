// The quotas of a request's caller: those of every key, or none for an admin, as whom everybody counts where there are no keys.
import { type KeyQuotas, noQuotas, type Quotas } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { callerOf } from './access.ts';

export function quotasOf(request: FastifyRequest, { quotas }: Pick<KeyQuotas, 'quotas'>): Quotas {
  return callerOf(request).role === 'admin' ? noQuotas : quotas;
}
