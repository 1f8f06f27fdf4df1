// How a route describes its answers: one line for each status code, from which the OpenAPI document is made.
// Problem answers are named by their codes, so a route cannot promise a status that no code has.
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

/** An answer of one media type. */
export function answer<const Type extends string, Schema extends z.ZodType>(
  description: string,
  type: Type,
  schema: Schema,
  headers?: Record<string, Header>,
): Answer<Type, Schema> {
  return { description, content: { [type]: { schema } } as Content<Type, Schema>, ...(headers ? { headers } : {}) };
}

/** An answer as JSON. */
export function json<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers?: Record<string, Header>,
): Answer<'application/json', Schema> {
  return answer(description, 'application/json', schema, headers);
}

type StatusOf<Code extends ProblemCode> = (typeof problemKinds)[Code]['status'];

const problemHeaders: Partial<Record<number, Record<string, Header>>> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'The scheme to authenticate with: Bearer.' } },
  405: { Allow: { type: 'string', description: 'The methods that this path knows.' } },
  416: { 'Content-Range': { type: 'string', description: 'The length of the file: bytes */LENGTH.' } },
  429: { 'Retry-After': { type: 'integer', description: 'Seconds after which to try again.' } },
  503: { 'Retry-After': { type: 'integer', description: 'Seconds after which to try again.' } },
};

/** The problem answers with these codes, by status; codes that share a status share an answer. */
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

/** What every route can answer. */
export const always = [
  'badRequest',
  'forbiddenHost',
  'forbiddenOrigin',
  'forwardedRequest',
  'uriTooLong',
  'expectationFailed',
  'internal',
] as const;

/** What every public route can answer whose requests are counted. */
export const counted = [...always, 'tooManyRequests'] as const;

/** What every route that needs a key can answer besides. */
export const guarded = [...always, 'unauthorized', 'tooManyRequests', 'unavailable'] as const;

/** And what those for admins can answer. */
export const forAdmins = [...guarded, 'adminOnly'] as const;
