// Which workers there are, and what each has in hand: what they said of themselves within the last seconds.
import { workerList } from '@trainyard/contracts';
import { z } from 'zod';
import { forAdmins, json, problems } from '../http/answers.ts';
import type { Routes } from './routeContext.ts';

export const workerRoutes: Routes = (app, { services: { presence } }, done) => {
  app.get(
    '/workers',
    {
      config: { isAdminOnly: true },
      schema: {
        operationId: 'listWorkers',
        summary: 'The workers that are there, with their capacity and their jobs',
        tags: ['service'],
        querystring: z.strictObject({}),
        response: { 200: json('The workers, by name.', workerList), ...problems(...forAdmins, 'invalidRequest') },
      },
    },
    async () => ({ data: (await presence.list()).map(({ isStorageUp: _forMetrics, ...worker }) => worker) }),
  );
  done();
};
