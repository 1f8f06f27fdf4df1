// What a caller may have and has: its quotas, and how much of them is used.
import { limitsWithin } from '@trainyard/jobs';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { callerOf } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import type { Routes } from './routeContext.ts';

const limit = z.number().nullable().describe('Null: not limited');
const limited = z.object({ limit, used: z.number() });

const quotasSchema = z
  .object({
    queuedJobs: limited.describe('Jobs that have not ended, and those that a sweep is yet to make'),
    parameters: z.object({ limit: z.number() }).describe('Of one job'),
    epochs: z.object({ limit: z.number() }).describe('Of one job'),
    storageBytes: limited.describe(
      'Bytes of uploaded datasets and weights, of all stored files of jobs, and of the specs and events of jobs and sweeps',
    ),
    redisBytes: limited.describe('Estimated bytes of jobs and sweeps in Redis. For a job that has not ended, all of its epochs count'),
    trainingSeconds: limited
      .extend({ secondsUntilReset: z.number().describe('Until the next day') })
      .describe('Of finished epochs on this UTC day'),
  })
  .meta({ id: 'Quotas' });

export const quotaRoutes: Routes = (app, { services: { keyQuotas }, config: { limits } }, done) => {
  app.get(
    '/quotas',
    {
      schema: {
        operationId: 'getQuotas',
        summary: 'What you may have, and what you have of it',
        tags: ['service'],
        querystring: z.strictObject({}),
        response: { 200: json('The quotas of the key, and its use of them.', quotasSchema), ...problems(...guarded, 'invalidRequest') },
      },
    },
    async (request) => {
      const quotas = quotasOf(request, keyQuotas);
      const { parameters, epochs } = limitsWithin(limits, quotas);
      const usage = await keyQuotas.usage(callerOf(request).name);
      return {
        queuedJobs: { limit: quotas.queuedJobs, used: usage.queuedJobs },
        parameters: { limit: parameters },
        epochs: { limit: epochs },
        storageBytes: { limit: quotas.storageBytes, used: usage.storageBytes },
        redisBytes: { limit: quotas.redisBytes, used: usage.redisBytes },
        trainingSeconds: {
          limit: quotas.trainingSeconds,
          used: usage.trainingSeconds,
          secondsUntilReset: usage.secondsUntilReset,
        },
      };
    },
  );
  done();
};
