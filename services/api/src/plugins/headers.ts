// The headers that tell a browser what it may do with an answer: nothing that an answer does not need (OWASP's secure
// headers), and no other web site may read it, except those that the operator names (CORS).
import fp from 'fastify-plugin';

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** JSON and files load nothing; a page may load what comes from here, and its own inline parts. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";
const pagePolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

const corsMethods = 'GET, HEAD, POST, DELETE';
const corsHeaders = 'authorization, content-type, idempotency-key, last-event-id, traceparent, x-request-id';
const corsExposed = 'location, idempotency-replayed, job-reused, x-request-id, retry-after, etag';

export const headers = fp<{ corsOrigins: readonly string[] }>((app, { corsOrigins }, done) => {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ ...securityHeaders, 'cross-origin-resource-policy': 'same-origin' });
    if (corsOrigins.length === 0) return;
    const { origin } = request.headers;
    if (origin === undefined || !corsOrigins.includes(origin)) return;
    void reply.headers({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': corsExposed,
      'cross-origin-resource-policy': 'cross-origin',
    });
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return;
    // A preflight carries no key; it says nothing about what is at the path.
    return await reply
      .code(204)
      .headers({
        'access-control-allow-methods': corsMethods,
        'access-control-allow-headers': corsHeaders,
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
