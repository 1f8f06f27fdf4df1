// Errors of requests that need too much memory or time in a prediction process. Each says how to make this request smaller. How a
// prediction is made smaller is in cost.ts, and how a rendered response is made smaller in render.ts.
import { ProblemError } from '../problems.ts';

export interface Remedy {
  /** The place in the request that makes it large, as in the `errors` of a response. */
  readonly path: string;
  /** What the client can do, such as `send fewer inputs`. */
  readonly action: string;
}

/** Returns the 422 for a request over a limit. @param what what is too large, with the limit */
export function tooLarge(what: string, { path, action }: Remedy): ProblemError {
  const message = `${what}: ${action}`;
  return new ProblemError('invalidRequest', `${message}.`, { issues: [{ path, message, code: 'limitExceeded' }] });
}
