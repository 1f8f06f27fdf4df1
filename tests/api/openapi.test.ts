// The OpenAPI document, judged by others' code: the official schema of OpenAPI 3.1 and a JSON Schema validator. What it
// promises is held against the service's answers.
import { Validator } from '@seriousme/openapi-schema-validator';
import { jobActionNames } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { appendLine, metricsOf, result, startJob } from '../support/jobs.ts';
import { apiTest, openApi, type TestApi } from './fixtures/api.ts';
import { makeKey } from './fixtures/keys.ts';

type Json = { readonly [key: string]: unknown };

interface Operation extends Json {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>>; readonly headers?: Json }>
  >;
}

interface Document extends Json {
  readonly openapi: string;
  readonly security: readonly unknown[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

async function documentOf(api: TestApi): Promise<Document> {
  const response = await api.get('/openapi.json');
  expect(response.statusCode).toBe(200);
  return response.json<Document>();
}

const test = apiTest
  .extend('document', async ({ api }) => await documentOf(api))
  .extend('ajv', ({ document }) => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    return ajv.addSchema(document, 'openapi.json');
  });

/** Every value in the document, with the path to it. */
function* walk(value: unknown, path: string = ''): Generator<readonly [string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path, value as Json];
  for (const [key, child] of Object.entries(value)) yield* walk(child, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

function operations(document: Document): (readonly [string, Operation])[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );
}

/** The examples of a job's spec. */
function examplesOf(document: Document): unknown[] {
  const examples = document.components.schemas['NewJob']?.['examples'];
  return Array.isArray(examples) ? examples : [];
}

test('is valid by the official schema of OpenAPI 3.1', async ({ document }) => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const verdict = await new Validator().validate(structuredClone(document));
  expect(verdict.errors).toBeUndefined();
  expect(verdict.valid).toBe(true);
});

test('has exactly the endpoints that are built', ({ document }) => {
  expect(
    operations(document)
      .map(([name]) => name)
      .toSorted(),
  ).toEqual(
    [
      'DELETE /datasets/{id}',
      'DELETE /jobs/{id}',
      'DELETE /sweeps/{id}',
      'DELETE /weights/{id}',
      'GET /',
      'GET /catalog',
      'GET /compare',
      'GET /datasets',
      'GET /datasets/{id}',
      'GET /datasets/{id}/export',
      'GET /datasets/{id}/samples',
      'GET /health/live',
      'GET /health/ready',
      'GET /jobs',
      'GET /jobs/{id}',
      'GET /jobs/{id}/artifacts',
      'GET /jobs/{id}/artifacts/initial.safetensors',
      'GET /jobs/{id}/artifacts/metrics.csv',
      'GET /jobs/{id}/artifacts/model.onnx',
      'GET /jobs/{id}/artifacts/model.safetensors',
      'GET /jobs/{id}/artifacts/spec.json',
      'GET /jobs/{id}/artifacts/train.py',
      'GET /jobs/{id}/artifacts/train.ts',
      'GET /jobs/{id}/curve',
      'GET /jobs/{id}/evaluation',
      'GET /jobs/{id}/events',
      'GET /jobs/{id}/filters',
      'GET /jobs/{id}/gradients',
      'GET /jobs/{id}/metrics',
      'GET /jobs/{id}/verify',
      'GET /metrics',
      'GET /openapi.json',
      'GET /quotas',
      'GET /sweeps',
      'GET /sweeps/{id}',
      'GET /weights/{id}',
      'GET /workers',
      'PATCH /jobs/{id}',
      'POST /datasets',
      'POST /jobs',
      ...jobActionNames.map((action) => `POST /jobs/{id}/${action}`),
      'POST /jobs/{id}/events/token',
      'POST /jobs/{id}/fork',
      'POST /jobs/{id}/predict',
      'POST /jobs/{id}/retry',
      'POST /jobs/{id}/verify',
      'POST /jobs/{id}/webhook/redeliver',
      'POST /sweeps',
      'POST /sweeps/{id}/cancel',
      'POST /weights',
    ].toSorted(),
  );
});

test('names every operation once, and every schema that is named is used', ({ document }) => {
  const ids = operations(document).map(([, operation]) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const text = JSON.stringify(document);
  for (const name of Object.keys(document.components.schemas)) expect(text).toContain(`"#/components/schemas/${name}"`);
});

test('has schemas that a JSON Schema validator can compile, and references that lead somewhere', ({ document, ajv }) => {
  const schemas = [...walk(document)].filter(([path]) => /^\/components\/schemas\/[^/]+$|\/schema$/.test(path));
  expect(schemas.length).toBeGreaterThan(50);
  for (const [path] of schemas) expect(ajv.getSchema(`openapi.json#${encodeURI(path)}`), path).toBeTypeOf('function');
});

test('gives every union of objects a discriminator that maps to its alternatives', ({ document }) => {
  const unions = [...walk(document)].filter(([, value]) => Array.isArray(value['oneOf']));
  expect(unions.length).toBeGreaterThan(5);
  for (const [path, union] of unions) {
    const { propertyName, mapping } = union['discriminator'] as { propertyName: string; mapping: Record<string, string> };
    expect(Object.values(mapping), path).toEqual((union['oneOf'] as { $ref: string }[]).map((alternative) => alternative.$ref));
    for (const [value, reference] of Object.entries(mapping)) {
      const schema = document.components.schemas[reference.replace('#/components/schemas/', '')];
      expect(schema, path).toMatchObject({ properties: { [propertyName]: { const: value } } });
      expect(schema?.['required'], path).toContain(propertyName);
    }
  }
});

test('has examples that fit their schemas', ({ document, ajv }) => {
  const withExamples = [...walk(document)].filter(([, value]) => Array.isArray(value['examples']));
  expect(withExamples.length).toBeGreaterThan(1);
  for (const [path, { examples }] of withExamples) {
    const validate = ajv.getSchema(`openapi.json#${encodeURI(path)}`);
    for (const example of examples as unknown[]) expect(validate?.(example), `${path}: ${ajv.errorsText(validate?.errors)}`).toBe(true);
  }
});

test('has examples of jobs that the service takes', async ({ api, document }) => {
  const examples = document.components.schemas['NewJob']?.['examples'] as unknown[];
  expect(examples.length).toBeGreaterThan(1);
  for (const example of examples) expect((await api.post('/jobs', example)).statusCode).toBe(202);
});

/** Returns whether an operation can be used without a key. Every operation for which this returns false needs a key. */
const isPublic = (name: string): boolean => /^GET \/(?:catalog|health\/live|health\/ready|openapi\.json)?$/.test(name);

test('says what a fork can change, leave out and not have', ({ ajv }) => {
  const takes = (changes: object): unknown => ajv.getSchema('openapi.json#/components/schemas/ForkChanges')?.(changes);
  expect([{}, { scheduler: null, webhook: null, initialWeights: null }, { epochs: 4, loss: { type: 'mse' } }].map(takes)).toEqual([
    true,
    true,
    true,
  ]);
  expect([{ loss: null }, { epochs: null }, { initialWeights: { weights: 'wt_0' } }, { epoch: 3 }].map(takes)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test('asks for a key exactly where one is needed', async ({ redis, document, onTestFinished }) => {
  expect(document.security).toEqual([]);
  const guarded = await openApi(redis, { apiKeys: parseApiKeys(makeKey('ada').entry) });
  onTestFinished(async () => await guarded.close());
  const { security, ...rest } = await documentOf(guarded);
  expect(security).toEqual([{ key: [] }]);
  const ofStream = [{ key: [] }, { streamToken: [] }];
  for (const [name, operation] of operations({ ...rest, security }))
    expect(operation.security, name).toEqual(isPublic(name) ? [] : name === 'GET /jobs/{id}/events' ? ofStream : undefined);
});

test('lets a request have every field that is not refused', async ({ api, document }) => {
  for (const [path, value] of walk(document)) expect(value, path).not.toHaveProperty('readOnly', true);
  for (const [path, value] of walk((await api.get('/catalog')).json())) expect(value, path).not.toHaveProperty('readOnly', true);
});

test('describes errors as problems', ({ document }) => {
  for (const [name, { responses }] of operations(document)) {
    expect('401' in responses, name).toBe(!isPublic(name));
    expect('503' in responses, name).toBe(!isPublic(name) || name.endsWith('/ready'));
    for (const [status, response] of Object.entries(responses)) {
      expect(response.headers, `${name} ${status}`).toHaveProperty('x-request-id');
      if (Number(status) < 400) continue;
      expect(response.content, `${name} ${status}`).toEqual({
        'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
      });
    }
  }
});

describe('an answer is what the document says', () => {
  const check = (ajv: Ajv2020, document: Document, path: string, method: string, response: LightMyRequestResponse): void => {
    const documented = document.paths[path]?.[method]?.responses[String(response.statusCode)];
    const type = String(response.headers['content-type']).split(';')[0] ?? '';
    expect(documented?.content, `${method} ${path} ${response.statusCode}`).toHaveProperty([type]);
    const pointer = ['paths', path, method, 'responses', response.statusCode, 'content', type, 'schema']
      .map((part) => String(part).replaceAll('/', '~1'))
      .join('/');
    const validate = ajv.getSchema(`openapi.json#/${encodeURI(pointer)}`);
    expect(validate?.(response.json()), `${method} ${path}: ${ajv.errorsText(validate?.errors)}`).toBe(true);
  };

  test('where all is well', async ({ api, document, ajv }) => {
    const [example] = examplesOf(document);
    const attempt = await startJob(api.jobs);
    await appendLine(attempt, 'info', 'hello');
    await attempt.appendEpoch(metricsOf(1));
    await attempt.finish({ status: 'succeeded', result });
    const id = attempt.jobId;
    const gets = [
      '/',
      '/catalog',
      '/health/live',
      '/health/ready',
      '/openapi.json',
      '/jobs',
      '/jobs/{id}',
      '/jobs/{id}/events',
      '/jobs/{id}/metrics',
      '/jobs/{id}/artifacts',
      '/jobs/{id}/artifacts/spec.json',
    ];
    for (const path of gets) check(ajv, document, path, 'get', await api.get(path.replace('{id}', id)));
    check(ajv, document, '/jobs', 'post', await api.post('/jobs?dryRun=true', example));
    const created = await api.post('/jobs', example);
    check(ajv, document, '/jobs', 'post', created);
    check(ajv, document, '/jobs/{id}/cancel', 'post', await api.post(`/jobs/${created.json<{ id: string }>().id}/cancel`, {}));
  });

  test('where something is wrong', async ({ api, document, ajv }) => {
    const { jobId } = await startJob(api.jobs);
    for (const path of ['/jobs/{id}', '/jobs/{id}/events', '/jobs/{id}/metrics', '/jobs/{id}/artifacts/model.safetensors']) {
      check(ajv, document, path, 'get', await api.get(path.replace('{id}', 'nobody')));
      check(ajv, document, path, 'get', await api.get(`${path.replace('{id}', jobId)}?x=1`));
    }
    check(ajv, document, '/jobs', 'post', await api.post('/jobs', {}));
    check(
      ajv,
      document,
      '/jobs',
      'post',
      await api.call({ method: 'POST', url: '/jobs', payload: '{', headers: { 'content-type': 'application/json' } }),
    );
    check(ajv, document, '/jobs/{id}/events', 'get', await api.get(`/jobs/${jobId}/events`, { accept: 'image/png' }));
    check(ajv, document, '/catalog', 'get', await api.get('/catalog', { host: 'evil.example' }));
  });
});

describe('the page that shows it', () => {
  test('comes with everything it needs and asks nobody else for anything', async ({ api }) => {
    const redirect = await api.get('/docs');
    expect([redirect.statusCode, redirect.headers['location']]).toEqual([301, '/docs/']);
    const page = await api.get('/docs/');
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.body).toContain('/openapi.json');
    expect([...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1])).toEqual(['js/scalar.js']);
    expect((await api.get('/docs/js/scalar.js')).headers['content-type']).toMatch(/javascript/);
  });
});
