// Creates the fastify app of the HTTP API. The caller passes the services and the settings, and starts the server: server.ts or a test.
import fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { bodyBytesLimit, version } from './config.ts';
import { isUtf8, parseJsonBody } from './http/jsonBody.ts';
import { closeAfterAnswer, isStillSending } from './http/lingeringClose.ts';
import { validatorCompiler } from './http/parameters.ts';
import { basePathOf, targetOf, trustProxies } from './http/proxies.ts';
import { requestIdOf } from './http/requestIds.ts';
import { access } from './plugins/access.ts';
import { arrival } from './plugins/arrival.ts';
import { basePaths } from './plugins/basePath.ts';
import { connections } from './plugins/connections.ts';
import { documentation } from './plugins/documentation.ts';
import { answerClientError, errors, sendProblem } from './plugins/errors.ts';
import { headers, setBrowserHeaders } from './plugins/headers.ts';
import { collectMethods } from './plugins/methodNotAllowed.ts';
import { named } from './plugins/named.ts';
import { requestForm } from './plugins/requestForm.ts';
import { requestLog } from './plugins/requestLog.ts';
import { requestPlaces } from './plugins/requestPlaces.ts';
import { streams } from './plugins/streams.ts';
import { tracing } from './plugins/tracing.ts';
import { ProblemError } from './problems.ts';
import { routes } from './routes/index.ts';
import type { RouteContext } from './routes/routeContext.ts';
import { measureRequests } from './routes/serviceMetrics.ts';

export { type ApiConfig, apiConfig } from './config.ts';
export { createServices, type ServiceParts, type Services } from './services.ts';
export { WebhookSender, type WebhookSenderOptions } from './webhooks/webhookSender.ts';

/** The most listeners that one event of a response may have. Node would warn of a leak at 11, but plugins, routes and streams need more. */
const mostListeners = 32;

/** How long an upload may take to arrive, in ms. */
const uploadTimeoutMs = 60 * 60 * 1_000;

export type AppOptions = RouteContext;

/** Creates the app. The caller must close first the app, then the services. */
export async function createApp({ services, config }: AppOptions): Promise<FastifyInstance> {
  const app = createServer({ services, config });
  await registerPlugins(app, { services, config });
  for (const plugin of routes) await app.register(named(plugin), { services, config });
  await app.ready();
  return app;
}

/** Creates the server with this service's error responses and body parsers. It has no plugins and no routes yet. */
function createServer({ services, config }: AppOptions): FastifyInstance {
  const { basePath, corsOrigins } = config;
  const trust = trustProxies(config.trustProxy);
  const app = fastify({
    loggerInstance: services.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: bodyBytesLimit,
    requestTimeout: uploadTimeoutMs,
    // A missing Host header gets our own answer, and so does a request on a kept connection during a stop.
    http: { requireHostHeader: false },
    return503OnClosing: false,
    // Streams that end in preClose, and kept connections, would hold up a stop otherwise.
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    trustProxy: trust,
    rewriteUrl: (request) => targetOf(request, basePath),
    frameworkErrors: (error, request, reply) => {
      // No hook has run for it.
      request.basePath = basePathOf(request.raw, trust, basePath);
      setBrowserHeaders(request, reply, corsOrigins);
      if (isStillSending(request)) closeAfterAnswer(reply);
      void sendProblem(error, request, reply);
    },
  });
  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their schemas and not parsed by them: a job of last year, whose stored spec lacks what was added
  // since, has to be shown too.
  app.setSerializerCompiler(() => JSON.stringify);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    if (!isUtf8(request.headers['content-type'])) {
      throw new ProblemError('unsupportedMediaType', 'JSON must be UTF-8. Send it as UTF-8, without another charset in Content-Type.');
    }
    return await parseJsonBody(body, request.routeOptions.config.jsonLimits);
  });

  app.addHook('onRequest', (_request, reply, next) => {
    reply.raw.setMaxListeners(mostListeners);
    next();
  });
  return app;
}

/** Registers the plugins that handle every request. They run in the order in which they are registered. */
async function registerPlugins(app: FastifyInstance, { services, config }: AppOptions): Promise<void> {
  const { apiKeys: keys, metrics, rateLimiter, addressLimiter, redisHealth, streamTokens } = services;
  const { basePath, corsOrigins, heartbeatMs, requestsPerKey, stallMs, streamsPerKey } = config;
  collectMethods(app);
  await app.register(connections, { maxConnections: config.connections, stallMs });
  await app.register(streams, { heartbeatMs, stallMs, keys, streamsPerKey });
  await app.register(tracing);
  await app.register(basePaths, { basePath, trust: trustProxies(config.trustProxy) });
  await app.register(requestLog);
  await app.register(measureRequests, { metrics });
  await app.register(errors, { redisHealth });
  await app.register(headers, { corsOrigins });
  await app.register(arrival, { timeoutMs: config.requestTimeoutMs });
  await app.register(access, { keys, rateLimiter, addressLimiter, streamTokens, corsOrigins });
  await app.register(requestPlaces, { keys, requestsPerKey, waitLimitMs: config.requestWaitMs });
  await app.register(requestForm);
  await app.register(documentation, { version, needsKeys: keys.current.length > 0 });
}
