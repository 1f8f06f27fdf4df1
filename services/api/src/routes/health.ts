// The public routes for liveness and readiness: whether the process runs, and whether the services that it needs can be used.
import { ArtifactError, type ArtifactErrorCode, RedisUnavailableError, systemCodeOf } from '@trainyard/jobs';
import { z } from 'zod';
import { always, json, problems } from '../http/answers.ts';
import { ProblemError } from '../problems.ts';
import type { Dependency } from '../services.ts';
import type { Routes } from './routeContext.ts';

/** How long a dependency may take to answer, in ms. It is long enough for a check of Redis to find the reason of an outage. */
const patienceMs = 4_000;

const live = z.object({ status: z.literal('live') }).meta({ id: 'Live' });
const ready = z.object({ status: z.literal('ready'), dependencies: z.record(z.string(), z.literal('up')) }).meta({ id: 'Ready' });

const storageReasons: Partial<Record<ArtifactErrorCode, string>> = {
  diskFull: 'has no room left',
  storageDenied: 'refuses access',
  storageReadOnly: 'is read-only',
};

/**
 * Returns why a dependency cannot be used: a text after its name. Of an error of the storage, its reason is used, which names no host and no
 * path. The message of any other error is only logged, because it may contain them.
 */
function reasonOf(error: unknown): string {
  if (error instanceof RedisUnavailableError) {
    const { kind, reason, remedy } = error.failure;
    // Adds the remedy if Redis is nearly full, because the operator can still prevent an outage.
    return kind === 'nearlyFull' ? `${reason}. ${remedy}` : reason;
  }
  if (error instanceof ArtifactError) return storageReasons[error.code] ?? `cannot be used: ${error.reason}`;
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'does not answer';
  const code = systemCodeOf(error);
  return code === undefined ? 'cannot be used' : `cannot be used (${code})`;
}

/** Returns `null` if the dependency answers in time, otherwise its error. */
async function failureOf(dependency: Dependency): Promise<{ error: unknown } | null> {
  const timeout = Promise.withResolvers<never>();
  const late = (): void => timeout.reject(new DOMException(`${dependency.name} did not answer within ${patienceMs} ms`, 'TimeoutError'));
  const timer = setTimeout(late, patienceMs);
  try {
    await Promise.race([dependency.check(), timeout.promise]);
    return null;
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

export const healthRoutes: Routes = (app, { services: { dependencies } }, done) => {
  /** The reason that was last logged for each dependency that is down. */
  const logged = new Map<string, string>();
  const logChange = (name: string, failure: { error: unknown } | null): void => {
    const reason = failure === null ? undefined : reasonOf(failure.error);
    if (logged.get(name) === reason) return;
    if (reason === undefined) {
      logged.delete(name);
      app.log.info({ dependency: name }, `${name} can be used again`);
    } else {
      logged.set(name, reason);
      // RedisHealth logs the details of an outage of Redis.
      const isRedis = failure?.error instanceof RedisUnavailableError;
      app.log.warn({ dependency: name, ...(isRedis ? {} : { err: failure?.error }) }, `not ready: ${name} ${reason}`);
    }
  };

  app.get(
    '/health/live',
    {
      config: { isPublic: true, isUncounted: true },
      schema: {
        operationId: 'getLive',
        summary: 'Whether the process runs',
        tags: ['service'],
        response: { 200: json('The process runs.', live), ...problems(...always) },
      },
    },
    () => ({ status: 'live' as const }),
  );

  app.get(
    '/health/ready',
    {
      config: { isPublic: true, isUncounted: true },
      schema: {
        operationId: 'getReady',
        summary: 'Whether the service is ready, and if not, which dependency is down and why',
        description: 'Redis and the artifact storage are checked by writing and reading.',
        tags: ['service'],
        response: { 200: json('All dependencies of jobs can be used.', ready), ...problems(...always, 'unavailable') },
      },
    },
    async () => {
      const checks = await Promise.all(
        dependencies.map(async (dependency) => ({ name: dependency.name, failure: await failureOf(dependency) })),
      );
      for (const { name, failure } of checks) logChange(name, failure);
      const down = checks.flatMap(({ name, failure }) => (failure === null ? [] : [{ name, reason: reasonOf(failure.error) }]));
      if (down.length > 0) {
        const names = down.map(({ name }) => name).join(' and ');
        throw new ProblemError('unavailable', `Not ready: ${names} ${down.length === 1 ? 'is' : 'are'} down.`, {
          issues: down.map(({ name, reason }) => ({ path: `/dependencies/${name}`, message: `${name} ${reason}`, code: 'down' })),
          headers: { 'retry-after': '2' },
        });
      }
      return { status: 'ready' as const, dependencies: Object.fromEntries(checks.map(({ name }) => [name, 'up' as const])) };
    },
  );
  done();
};
