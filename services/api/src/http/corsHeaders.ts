// Methods and headers that pages of other web sites may use, if the operator allows those sites. A test checks that everything in the
// OpenAPI document is included.

export const corsMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Headers that such a page may send. */
export const corsRequestHeaders = [
  'accept',
  'authorization',
  'cache-control',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'last-event-id',
  'prefer',
  'range',
  'traceparent',
  'tracestate',
  'x-request-id',
] as const;

/** Headers that such a page may read. */
export const corsExposedHeaders = [
  'accept-encoding',
  'accept-ranges',
  'allow',
  'content-disposition',
  'content-length',
  'content-range',
  'etag',
  'idempotency-replayed',
  'job-reused',
  'link',
  'location',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'www-authenticate',
  'x-request-id',
] as const;
