// The route that lists the workers and their running jobs. A worker is listed if it announced itself within the last seconds.
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
        summary: 'The running workers, with their capacity and their jobs',
        tags: ['service'],
        querystring: z.strictObject({}),
        response: { 200: json('The workers, sorted by name.', workerList), ...problems(...forAdmins, 'invalidRequest') },
      },
    },
    async () => ({ data: (await presence.list()).map(({ isStorageUp: _forMetrics, ...worker }) => worker) }),
  );
  done();
};
