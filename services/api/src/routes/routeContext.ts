// The type of the services and settings that every route gets, and the types of functions that register routes.
import type { FastifyPluginAsyncZod, FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { ApiConfig } from '../config.ts';
import type { Services } from '../services.ts';

export interface RouteContext {
  readonly services: Services;
  readonly config: ApiConfig;
}

/** A function that registers the routes of one resource. */
export type Routes = FastifyPluginCallbackZod<RouteContext>;

/** A function that registers routes and the plugin that only these routes need. */
export type AsyncRoutes = FastifyPluginAsyncZod<RouteContext>;
