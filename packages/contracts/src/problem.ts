// The body of every error answer: problem details, RFC 9457, with pointers (RFC 6901) into the request's body.
import { z } from 'zod';

export const problemIssue = z
  .object({
    path: z.string().describe('JSON pointer into the body'),
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
    code: z.string().describe('Stable, camelCase'),
    requestId: z.string(),
    errors: z.array(problemIssue).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;
