// How the parts of a request are parsed, and the parameters that several routes take. The engine's parser finds the
// words, so that an unknown parameter is named together with the nearest known one.
import { eventId } from '@trainyard/contracts';
import { type Problem, parse } from '@trainyard/engine/spec';
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../problems.ts';

/** `/jobs/{id}`: any text, since an id that cannot be one is a 404 as well, not a 422. */
export const jobParams = z.object({ id: z.string().describe('The id of a job.') });

/** `?limit=`, at most `most`. */
export function pageLimit(most: number) {
  return z
    .preprocess((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text), z.int().min(1))
    .transform((limit) => Math.min(limit, most))
    .describe(`How many to answer at most; more than ${most} counts as ${most}.`);
}

/** A copy of a schema that has no name in the document: where a parameter's schema has one, its description gets lost. */
export function unnamed(schema: z.ZodString): z.ZodString {
  return schema.clone(schema.def);
}

/** An event's id in `?after=` or `Last-Event-ID`. */
export const lastEventId = unnamed(eventId).optional().describe('The id of the last event that you have; what comes after it is answered.');

/** How an error names its place: a JSON pointer into the body; elsewhere the parameter, `?name` in the query. */
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

/** Returns the parsed part of a request, or a 422 with its problems, or a 400 for a missing body. */
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

/** Parses a body outside of a route's schema. @throws ProblemError 422, and 400 for none */
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

/** As `validatorCompiler`, for a route whose handler parses the body itself: this leaves it as it is. */
export const validatorOfAllButBody: FastifySchemaCompiler<z.ZodType> = (part) =>
  part.httpPart === 'body' ? () => true : validatorCompiler(part);
