// Requests drawn from the OpenAPI document, and from near it, at the real API: every answer has a status and a media type that the
// document has, a body that fits, and none is a 5xx. FUZZ_SEED repeats a run, FUZZ_RUNS says how many requests each operation gets.
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import * as fc from 'fast-check';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import { metricsOf, result, startJob } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from '../api/fixtures/api.ts';
import { arbitraryOf, type Schema } from './schemaArbitrary.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env['FUZZ_RUNS'] ?? 100);

interface Content {
  readonly [type: string]: { readonly schema?: Schema };
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Ids of things that are there, so that not everything is a 404. */
async function someIds(api: TestApi): Promise<string[]> {
  const attempt = await startJob(api.jobs);
  await attempt.appendEpoch(metricsOf(1));
  await attempt.finish({ status: 'succeeded', result });
  const running = await startJob(api.jobs);
  return [attempt.jobId, running.jobId, 'digits', 'random', 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5', 'sweep_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'];
}

function queryText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Requests for one operation. */
function requests(method: string, path: string, operation: Operation, document: Document, ids: string[]): fc.Arbitrary<InjectOptions> {
  const { schemas } = document.components;
  const parameters = operation.parameters ?? [];
  const one = (place: string) =>
    fc.record(
      Object.fromEntries(
        parameters.filter((each) => each.in === place).map(({ name, schema }) => [name, arbitraryOf(schema, schemas).map(queryText)]),
      ),
      { requiredKeys: [] },
    );
  // Excludes `.` and `..`: as segments of a path they lead to another route.
  const anyId = fc.string({ minLength: 1 }).filter((text) => !/^\.{1,2}$/.test(text));
  const id = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...ids) }, { weight: 1, arbitrary: anyId });
  const json = operation.requestBody?.content['application/json']?.schema;
  const body = json === undefined ? fc.constantFrom(undefined, {}, null, [1]) : arbitraryOf(json, schemas);
  const type = fc.oneof({ weight: 9, arbitrary: fc.constant('application/json') }, { weight: 1, arbitrary: fc.constant('text/plain') });
  const stray = fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constant({ nonsense: '1' }) });
  return fc
    .record({ id, query: one('query'), stray, headers: one('header'), body, type })
    .map(({ id, query, stray, headers, body, type }) => ({
      method: method.toUpperCase() as 'GET',
      url: path.replaceAll(/\{[^}]+\}/g, encodeURIComponent(id)),
      query: { ...query, ...stray },
      // A stream of a job that runs would not end.
      headers: {
        ...plain(headers),
        accept: 'application/json',
        ...(body === undefined || method === 'get' ? {} : { 'content-type': type }),
      },
      ...(body === undefined || method === 'get' ? {} : { payload: JSON.stringify(body) }),
    }));
}

/** Only what a header may hold. */
function plain(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value !== undefined && /^[ -~]*$/.test(value) ? [[name, value]] : [])),
  );
}

/** What is wrong with an answer, by the document. */
function faultOf(response: LightMyRequestResponse, operation: Operation, pointer: string, ajv: Ajv2020): string | null {
  const { statusCode } = response;
  if (statusCode >= 500) return `answered ${statusCode}: ${response.body}`;
  const documented = operation.responses[statusCode];
  if (documented === undefined) return `answered ${statusCode}, which is not documented: ${response.body}`;
  if (response.rawPayload.length === 0) return null;
  const type = String(response.headers['content-type']).split(';')[0] ?? '';
  if (documented.content?.[type] === undefined) return `answered ${statusCode} as ${type}, which is not documented`;
  if (!type.endsWith('json')) return null;
  const place = `${pointer}/responses/${statusCode}/content/${type.replaceAll('/', '~1')}/schema`;
  const validate = ajv.getSchema(`openapi.json#/${encodeURI(place)}`);
  return validate?.(response.json()) === true ? null : `answered ${statusCode} with what does not fit: ${ajv.errorsText(validate?.errors)}`;
}

test('no request gets an answer that is not documented, or a 5xx', async ({ api }) => {
  const document = (await api.get('/openapi.json')).json<Document>();
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  ajv.addSchema(document, 'openapi.json');
  const ids = await someIds(api);
  const statuses = new Map<number, number>();
  const faults: string[] = [];
  const began = performance.now();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const pointer = `paths/${path.replaceAll('/', '~1')}/${method}`;
      const verdict = await fc.check(
        fc.asyncProperty(requests(method, path, operation, document, ids), async (request) => {
          const response = await api.call(request);
          statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1);
          const fault = faultOf(response, operation, pointer, ajv);
          if (fault !== null) throw new Error(fault);
        }),
        { seed, numRuns: runs, endOnFailure: true },
      );
      if (verdict.failed)
        faults.push(`${method.toUpperCase()} ${path} ${JSON.stringify(verdict.counterexample)}: ${String(verdict.errorInstance)}`);
    }
  }
  const counts = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
  console.log(`fuzz: seed ${seed}, ${total} requests in ${seconds} s, ${faults.length} faults (${counts.join(', ')})`);
  expect(faults).toEqual([]);
});
