// The routes that show and delete uploaded weights. See uploadWeights.ts for the upload.
import { weightsId, weightsSchema, type Weights } from '@trainyard/contracts';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { visibleOwner } from '../plugins/access.ts';
import { nothingThere } from '../problems.ts';
import type { Routes } from './routeContext.ts';

const params = z.object({ id: z.string().describe('The id of weights.') });

export const weightsRoutes: Routes = (app, { services: { weights } }, done) => {
  const visible = async (id: string, request: FastifyRequest): Promise<Weights> => {
    const found = weightsId.safeParse(id).success ? await weights.get(id, visibleOwner(request)) : null;
    if (found === null) throw nothingThere(request);
    return found;
  };

  app.get(
    '/weights/:id',
    {
      schema: {
        operationId: 'getWeights',
        summary: 'The tensors of uploaded weights',
        tags: ['weights'],
        params,
        querystring: z.strictObject({}),
        response: { 200: json('The weights.', weightsSchema), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request) => await visible(request.params.id, request),
  );

  app.delete(
    '/weights/:id',
    {
      schema: {
        operationId: 'deleteWeights',
        summary: 'Delete uploaded weights',
        description: 'The request is refused while a job that uses the weights has not ended.',
        tags: ['weights'],
        params,
        querystring: z.strictObject({}),
        response: {
          204: z.undefined().describe('The weights are deleted.'),
          ...problems(...guarded, 'notFound', 'inUse', 'invalidRequest', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'),
        },
      },
    },
    async (request, reply) => {
      const { id } = await visible(request.params.id, request);
      await weights.delete(id);
      return reply.code(204).send();
    },
  );
  done();
};
