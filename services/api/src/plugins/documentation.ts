// Generates the OpenAPI 3.1 document from the zod schemas of the routes. Serves the document, and a page that shows it. Both are public.
import swagger from '@fastify/swagger';
import fastify from 'fastify';
import fp from 'fastify-plugin';
import { type FastifyPluginCallbackZod, jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { counted, json, problems } from '../http/answers.ts';
import { completeDocument } from '../http/openapiDocument.ts';
import { requestIdHeader } from '../http/requestIds.ts';

const requestIdHeaderSchema = {
  type: 'string',
  description: 'The id of the request in responses and logs. If you send an id in this header, it is used.',
};

const description = `Describe a network as JSON, watch every epoch, download the weights.

Unknown fields are refused, and the error suggests the nearest known name.
Errors are problem details (RFC 9457) with a stable \`code\` and JSON pointers into the body.`;

/** Adds the descriptions of response headers, which the transform of the schemas drops. Every response also has the request id. */
function addHeaders(responses: unknown, described: unknown): void {
  for (const [status, response] of Object.entries(responses ?? {})) {
    const { headers = {} } = (described as Record<string, { headers?: object } | undefined> | undefined)?.[status] ?? {};
    Object.assign(response as object, { headers: { ...headers, [requestIdHeader]: requestIdHeaderSchema } });
  }
}

interface DocumentationOptions {
  readonly version: string;
  /** Whether requests to routes that are not public need an API key. */
  readonly needsKeys: boolean;
}

/** Collects the schemas of routes. Register this plugin before the routes. */
export const documentation = fp<DocumentationOptions>(async (app, { version, needsKeys }) => {
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Trainyard', version, description, license: { name: 'MIT', identifier: 'MIT' } },
      tags: [
        { name: 'jobs', description: 'Training jobs, their events and their results' },
        { name: 'sweeps', description: 'Groups of jobs that vary one spec, and their ranking' },
        { name: 'datasets', description: 'The data that jobs are trained on' },
        { name: 'weights', description: 'Uploaded initial weights for jobs' },
        { name: 'service', description: 'The catalog, quotas, health and metrics of this service' },
      ],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key. `npm run key -- NAME` creates one.' },
          streamToken: {
            type: 'apiKey',
            in: 'query',
            name: 'token',
            description: 'A token for one event stream; `createStreamToken` creates one.',
          },
        },
      },
      security: needsKeys ? [{ key: [] }] : [],
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route);
      addHeaders(schema.response, route.schema.response);
      const { isPublic, takesStreamToken } = route.route.config ?? {};
      if (isPublic === true) return { schema: { ...schema, security: [] }, url };
      return { schema: needsKeys && takesStreamToken === true ? { ...schema, security: [{ key: [] }, { streamToken: [] }] } : schema, url };
    },
    transformObject: (document) => completeDocument(jsonSchemaTransformObject(document)),
  });
});

interface Reference {
  readonly page: Buffer;
  readonly script: Buffer;
}

/** The page that shows the document. `undefined` until the page is first requested. */
let loading: Promise<Reference> | undefined;

/** Returns the page, which is loaded at the first request. Its package is a module of 5 MB, which would delay the start of each process. */
function reference(): Promise<Reference> {
  return (loading ??= loadReference());
}

async function loadReference(): Promise<Reference> {
  const { default: apiReference } = await import('@scalar/fastify-api-reference');
  const app = fastify();
  // The page loads everything from this service, so it works without the internet, and no other server learns that it was opened.
  await app.register(apiReference, {
    routePrefix: '/docs',
    configuration: {
      // The path is relative to the page, because a proxy may serve the page under a base path.
      url: '../openapi.json',
      pageTitle: 'Trainyard API',
      withDefaultFonts: false,
      telemetry: false,
      // Hides the services that the maker of the page offers.
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
      customCss: 'a[href*="scalar.com"] { display: none !important; }',
    },
  });
  const [page, script] = [await app.inject('/docs/'), await app.inject('/docs/js/scalar.js')];
  await app.close();
  return { page: page.rawPayload, script: script.rawPayload };
}

/** `GET /openapi.json` and `GET /docs/`. */
export const documentationRoutes: FastifyPluginCallbackZod = (app, _options, done) => {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, isPublic: true };
  });
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenapi',
        summary: 'This document',
        tags: ['service'],
        response: { 200: json('OpenAPI 3.1.', z.looseObject({ openapi: z.string() })), ...problems(...counted) },
      },
    },
    ({ basePath }) => {
      const document = app.swagger() as { openapi: string };
      return basePath === '' ? document : { ...document, servers: [{ url: basePath }] };
    },
  );
  const hidden = { schema: { hide: true } };
  app.get('/docs', hidden, async (_request, reply) => await reply.redirect('/docs/', 301));
  app.get('/docs/', hidden, async (_request, reply) => await reply.type('text/html; charset=utf-8').send((await reference()).page));
  app.get('/docs/js/scalar.js', hidden, async (_request, reply) => {
    return await reply.type('application/javascript; charset=utf-8').send((await reference()).script);
  });
  done();
};
