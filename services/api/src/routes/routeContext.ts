// What every route gets: the services, built once for the process, and the settings.
import type { FastifyPluginAsyncZod, FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { ApiConfig } from '../config.ts';
import type { Services } from '../services.ts';

export interface RouteContext {
  readonly services: Services;
  readonly config: ApiConfig;
}

/** Registers the routes of one resource. */
export type Routes = FastifyPluginCallbackZod<RouteContext>;

/** Registers routes that need a plugin of their own. */
export type AsyncRoutes = FastifyPluginAsyncZod<RouteContext>;
