// Sets the response headers that restrict browsers: OWASP's secure headers, and CORS. Other web sites may not read responses, except the
// sites that the operator names.
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { corsExposedHeaders, corsMethods, corsRequestHeaders } from '../http/corsHeaders.ts';

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** The content security policies. JSON and files may load nothing. Pages may load files of this service and run inline scripts. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";
const pagePolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/** Sets the headers of every response. Returns whether the request comes from a page of a web site that the operator allows. */
export function setBrowserHeaders(request: FastifyRequest, reply: FastifyReply, corsOrigins: readonly string[]): boolean {
  void reply.headers({ ...securityHeaders, 'cross-origin-resource-policy': 'same-origin' });
  const { origin } = request.headers;
  if (origin === undefined || !corsOrigins.includes(origin)) return false;
  void reply.headers({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': corsExposedHeaders.join(', '),
    'cross-origin-resource-policy': 'cross-origin',
  });
  return true;
}

export const headers = fp<{ corsOrigins: readonly string[] }>((app, { corsOrigins }, done) => {
  app.addHook('onRequest', async (request, reply) => {
    const mayCall = setBrowserHeaders(request, reply, corsOrigins);
    if (!mayCall) return;
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return;
    // A preflight request has no API key. So the response does not depend on whether the path exists.
    return await reply
      .code(204)
      .headers({
        'access-control-allow-methods': corsMethods.join(', '),
        'access-control-allow-headers': corsRequestHeaders.join(', '),
        'access-control-max-age': '600',
      })
      .send();
  });

  app.addHook('onSend', async (_request, reply) => {
    if (corsOrigins.length > 0) void reply.header('vary', [reply.getHeader('vary'), 'origin'].filter(Boolean).join(', '));
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    if (!reply.hasHeader('content-security-policy')) void reply.header('content-security-policy', isPage ? pagePolicy : dataPolicy);
  });
  done();
});
