// The route that sends a job's webhook again. webhooks/webhookSender.ts does the sending.
import { jobSchema } from '@trainyard/contracts';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams, parseBody } from '../http/parameters.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

export const webhookRoutes: Routes = (app, { services: { jobs, webhooks } }, done) => {
  app.post(
    '/jobs/:id/webhook/redeliver',
    {
      schema: {
        operationId: 'redeliverWebhook',
        summary: "Send an ended job's webhook again",
        description:
          'Also sends a webhook that was delivered, or whose receiver answered 410. The message has the same `webhook-id` as before.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          202: json('The job. Its webhook will soon be sent.', jobSchema),
          ...problems(
            ...guarded,
            'notFound',
            'noWebhook',
            'wrongState',
            'malformedJson',
            'bodyTooLarge',
            'unsupportedMediaType',
            'invalidRequest',
          ),
        },
      },
    },
    async (request, reply) => {
      parseBody(z.strictObject({}).nullish(), request.body);
      const { id } = await visibleJob(jobs, request.params.id, request);
      await webhooks.redeliver(id);
      return reply.code(202).send(await visibleJob(jobs, id, request));
    },
  );
  done();
};
