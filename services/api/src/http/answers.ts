// Describes the responses of a route for the OpenAPI document, one line for each status. Error responses are listed by problem code, so
// that a route can only list statuses that a code has.
import { problemSchema } from '@trainyard/contracts';
import type { z } from 'zod';
import { type ProblemCode, problemKinds } from '../problems.ts';

type Header = { type: 'string' | 'integer'; description: string };
type Content<Types extends string, Schema extends z.ZodType> = { [Type in Types]: { schema: Schema } };
export type Answer<Types extends string, Schema extends z.ZodType> = {
  description: string;
  content: Content<Types, Schema>;
  headers?: Record<string, Header>;
};

/** Returns the description of a response with one media type. */
export function answer<const Type extends string, Schema extends z.ZodType>(
  description: string,
  type: Type,
  schema: Schema,
  headers?: Record<string, Header>,
): Answer<Type, Schema> {
  return { description, content: { [type]: { schema } } as Content<Type, Schema>, ...(headers ? { headers } : {}) };
}

/** Returns the description of a JSON response. */
export function json<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers?: Record<string, Header>,
): Answer<'application/json', Schema> {
  return answer(description, 'application/json', schema, headers);
}

type StatusOf<Code extends ProblemCode> = (typeof problemKinds)[Code]['status'];

const problemHeaders: Partial<Record<number, Record<string, Header>>> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'The authentication scheme: Bearer.' } },
  405: { Allow: { type: 'string', description: 'The methods that this path supports.' } },
  416: { 'Content-Range': { type: 'string', description: 'The length of the file: bytes */LENGTH.' } },
  429: { 'Retry-After': { type: 'integer', description: 'Seconds after which to try again.' } },
  503: { 'Retry-After': { type: 'integer', description: 'Seconds after which to try again.' } },
};

/** Returns the descriptions of the error responses with these problem codes, by status. Codes with the same status share a description. */
export function problems<const Code extends ProblemCode>(
  ...codes: readonly Code[]
): Record<StatusOf<Code>, Answer<'application/problem+json', typeof problemSchema>> {
  const statuses = [...new Set(codes.map((code) => problemKinds[code].status))];
  const entries = statuses.map((status) => {
    const titles = codes.filter((code) => problemKinds[code].status === status).map((code) => `${problemKinds[code].title} (\`${code}\`)`);
    return [status, answer(`${titles.join(', or ')}.`, 'application/problem+json', problemSchema, problemHeaders[status])];
  });
  return Object.fromEntries(entries) as Record<StatusOf<Code>, Answer<'application/problem+json', typeof problemSchema>>;
}

/** The problem codes of every route. */
export const always = [
  'badRequest',
  'forbiddenHost',
  'forbiddenOrigin',
  'forwardedRequest',
  'uriTooLong',
  'expectationFailed',
  'internal',
] as const;

/** The problem codes of every public route with a rate limit. */
export const counted = [...always, 'tooManyRequests'] as const;

/** The problem codes of every route that needs an API key. */
export const guarded = [...always, 'unauthorized', 'tooManyRequests', 'unavailable'] as const;

/** The problem codes of every route that needs the API key of an admin. */
export const forAdmins = [...guarded, 'adminOnly'] as const;
