// Parses the path, query, headers and body of a request, and defines the parameters that several routes have. Error messages come from the
// engine's parser. For an unknown parameter, it suggests the known parameter with the most similar name.
import { eventId, jobId } from '@trainyard/contracts';
import { type Problem, parse } from '@trainyard/engine/spec';
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../problems.ts';

/** The path parameter of `/jobs/{id}`. Any text is accepted, so that an id of the wrong form gets the same 404 as an unknown id. */
export const jobParams = z.object({ id: z.string().describe('The id of a job.') });

/** The label of a job, as `key:value`. */
export const jobLabel = z
  .string()
  .regex(/^[^:]+:.+$/, 'must be a key and a value such as team:a')
  .optional()
  .meta({ examples: ['team:a'] });

/** Returns the schema of a query parameter with the ids of 1 to `most` different jobs, separated by commas. */
export function jobIds(most: number) {
  return z
    .string()
    .transform((text) => text.split(','))
    .superRefine((ids, context) => {
      const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
      if (ids.length > most) return refuse(`has ${ids.length} jobs: at most ${most} are allowed`);
      const invalid = ids.find((id) => !jobId.safeParse(id).success);
      if (invalid !== undefined) return refuse(`"${invalid.slice(0, 60)}" is not the id of a job`);
      const twice = ids.find((id, at) => ids.indexOf(id) !== at);
      if (twice !== undefined) refuse(`${twice} is listed twice`);
      return undefined;
    })
    .meta({ examples: ['job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5,job_01KAS5X3Y8Q2W4T6V8Z0B1C3D6'] });
}

/** Returns the schema of the query parameter `limit`. A larger number than `most` is treated as `most`. */
export function pageLimit(most: number) {
  return z
    .preprocess((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text), z.int().min(1))
    .transform((limit) => Math.min(limit, most))
    .describe(`The largest number of results. A number above ${most} is treated as ${most}.`);
}

/** Returns a copy of a schema without its name in the OpenAPI document. The document would drop the description of a named parameter. */
export function unnamed(schema: z.ZodString): z.ZodString {
  return schema.clone(schema.def);
}

/** The id of the last event that a client has, in `?after=` or in the header `Last-Event-ID`. */
export const lastEventId = unnamed(eventId).optional().describe('The id of the last event that you have. Only later events are sent.');

/** Returns where a problem is: a JSON pointer into the body, `?name` in the query, or the name of a path parameter or header. */
function placeOf({ path }: Problem, part: string): string {
  if (part === 'body') return path;
  return part === 'querystring' ? `?${path.slice(1)}` : path.slice(1);
}

/** How many problems `detail` lists. The field `errors` lists the others too. */
const mostInDetail = 10;

/** Returns the 422 for the given problems. */
export function invalidRequest(issues: readonly Problem[]): ProblemError {
  const named = issues.slice(0, mostInDetail).map(({ path, message }) => `${path === '' ? 'The body' : path}: ${message}`);
  const more = issues.length > mostInDetail ? `; and ${issues.length - mostInDetail} more, see errors` : '';
  return new ProblemError('invalidRequest', `${named.join('; ')}${more}.`, { issues });
}

/** Parses the body, query, path or headers of a request. Returns the value, or an error: 400 for a missing body, 422 for other problems. */
function parsed<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  part: string,
): { value: z.output<Schema> } | { error: ProblemError } {
  const result = parse(schema, input);
  if (result.ok) return { value: result.data };
  if (part === 'body' && (input === undefined || input === null)) {
    return { error: new ProblemError('malformedJson', 'The body is empty or null; it has to be a JSON object.') };
  }
  const issues = result.problems.map((problem) => ({ ...problem, path: placeOf(problem, part) }));
  return { error: invalidRequest(issues) };
}

/**
 * Parses a body that the schema of the route does not contain.
 * @throws ProblemError 422 if the body is invalid
 * @throws ProblemError 400 if the request has no body, or the body is null
 */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = parsed(schema, body, 'body');
  if ('error' in result) throw result.error;
  return result.value;
}

/** Parses the parts of a request by the zod schemas of its route. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart = 'body' }) =>
  (input) =>
    parsed(schema, input, httpPart);

/** Parses the parts of a request except the body. Use it for a route with a handler that parses the body. */
export const validatorOfAllButBody: FastifySchemaCompiler<z.ZodType> = (part) =>
  part.httpPart === 'body' ? () => true : validatorCompiler(part);
