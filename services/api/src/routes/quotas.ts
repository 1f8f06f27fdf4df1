// The route for the quotas of the caller and how much of each quota is used.
import { limitsWithin } from '@trainyard/jobs';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { callerOf } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import type { Routes } from './routeContext.ts';

const limit = z.number().nullable().describe('The limit, or null for no limit');
const limited = z.object({ limit, used: z.number() });

const quotasSchema = z
  .object({
    queuedJobs: limited.describe('Jobs that have not ended, and the jobs that sweeps have not created yet'),
    parameters: z.object({ limit: z.number() }).describe('The parameters of one job'),
    epochs: z.object({ limit: z.number() }).describe('The epochs of one job'),
    storageBytes: limited.describe(
      'Bytes of uploaded datasets and weights, of all stored files of jobs, and of the specs and events of jobs and sweeps',
    ),
    redisBytes: limited.describe('Estimated bytes of jobs and sweeps in Redis. For a job that has not ended, all of its epochs count'),
    trainingSeconds: limited
      .extend({ secondsUntilReset: z.number().describe('Seconds until the next UTC day') })
      .describe('Seconds of the epochs that finished on this UTC day'),
  })
  .meta({ id: 'Quotas' });

export const quotaRoutes: Routes = (app, { services: { keyQuotas }, config: { limits } }, done) => {
  app.get(
    '/quotas',
    {
      schema: {
        operationId: 'getQuotas',
        summary: 'Your quotas and their use',
        tags: ['service'],
        querystring: z.strictObject({}),
        response: {
          200: json('The quotas of your API key, and how much of each is used.', quotasSchema),
          ...problems(...guarded, 'invalidRequest'),
        },
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
