// Whether the process lives, and whether it can serve. For load balancers and people; public.
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { always, json, problems } from '../http/answers.ts';
import { ProblemError } from '../problems.ts';

/** Something that the API cannot serve without. `check` rejects, with a message for operators' eyes, when it is away. */
export interface Dependency {
  readonly name: string;
  check(): Promise<void>;
}

/** How long a dependency may take to answer, in ms. */
const patienceMs = 1000;

const live = z.object({ status: z.literal('live') }).meta({ id: 'Live' });
const ready = z.object({ status: z.literal('ready'), dependencies: z.record(z.string(), z.literal('up')) }).meta({ id: 'Ready' });

/** Whether the dependency answers in time. Its own words may name hosts and paths: they are for the log alone. */
async function answers(dependency: Dependency, log: (error: unknown) => void): Promise<boolean> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`${dependency.name} did not answer within ${patienceMs} ms`)), patienceMs);
  try {
    await Promise.race([dependency.check(), timeout.promise]);
    return true;
  } catch (error) {
    log(error);
    return false;
  } finally {
    clearTimeout(timer);
  }
}

export const healthRoutes: FastifyPluginCallbackZod<{ dependencies: readonly Dependency[] }> = (app, { dependencies }, done) => {
  app.get(
    '/health/live',
    {
      config: { isPublic: true },
      schema: {
        operationId: 'getLive',
        summary: 'Whether the process runs',
        tags: ['service'],
        response: { 200: json('It runs.', live), ...problems(...always) },
      },
    },
    () => ({ status: 'live' as const }),
  );

  app.get(
    '/health/ready',
    {
      config: { isPublic: true },
      schema: {
        operationId: 'getReady',
        summary: 'Whether jobs can be served, and if not, which dependency is down',
        tags: ['service'],
        response: { 200: json('Everything that jobs need is there.', ready), ...problems(...always, 'unavailable') },
      },
    },
    async (request) => {
      const checks = await Promise.all(
        dependencies.map(async (dependency) => ({
          name: dependency.name,
          up: await answers(dependency, (err) => request.log.warn({ err, dependency: dependency.name }, 'dependency is down')),
        })),
      );
      const down = checks.filter((check) => !check.up).map((check) => check.name);
      if (down.length > 0) {
        throw new ProblemError('unavailable', `Not ready: ${down.join(' and ')} ${down.length === 1 ? 'is' : 'are'} down.`, {
          issues: down.map((name) => ({ path: `/dependencies/${name}`, message: `${name} does not answer`, code: 'down' })),
          headers: { 'retry-after': '2' },
        });
      }
      return { status: 'ready' as const, dependencies: Object.fromEntries(checks.map(({ name }) => [name, 'up' as const])) };
    },
  );
  done();
};
