// The body of every error response: problem details (RFC 9457), with JSON pointers (RFC 6901) into the request's body.
import { z } from 'zod';

export const problemIssue = z
  .object({
    path: z.string().describe("A JSON pointer into the request's body."),
    message: z.string(),
    code: z.string(),
  })
  .meta({ id: 'ProblemIssue' });
export type ProblemIssue = z.infer<typeof problemIssue>;

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string(),
    code: z.string().describe('A stable code in camelCase, for programs.'),
    requestId: z.string(),
    errors: z.array(problemIssue).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;
