// The body of a new job, or of a job that continues another one: a spec, which the engine checks, and the fields `webhook` and
// `reuse` of the request, which are checked here. Problems of both are reported together.
import { type NewWebhook, newWebhook } from '@trainyard/contracts';
import { mostProblems, nearest, newJobSchema, parse, pointer, type Problem, show, SpecError } from '@trainyard/engine/spec';
import type { Webhook } from '@trainyard/jobs';
import { z } from 'zod';
import { isPublicAddress, literalAddress } from '../webhooks/addressGuard.ts';
import type { WebhookPolicy } from '../webhooks/webhookSender.ts';

const requestFields = {
  webhook: newWebhook.optional(),
  reuse: z
    .boolean()
    .default(false)
    .describe('If a job of yours with the same spec, data, seed and engine has succeeded, returns that job and creates none'),
};
const requestFieldsSchema = z.object(requestFields);
type RequestFields = z.output<typeof requestFieldsSchema>;

/** The schema of the whole body, for the OpenAPI document. */
export const jobBody: z.ZodType = newJobSchema.extend(requestFields);

const specFields = Object.keys(newJobSchema.shape);
const requestFieldNames = Object.keys(requestFields) as readonly (keyof RequestFields)[];

/**
 * Checks a body. The fields of the spec and the other fields are checked separately.
 * @param checkSpec checks the fields of the spec
 * @param known the fields that are allowed in addition to those of the spec. Default: all
 * @throws SpecError if the spec or another field has problems. The error contains all of them
 */
export function checkJobBody<Checked>(
  body: unknown,
  policy: WebhookPolicy,
  checkSpec: (spec: unknown) => Checked,
  known: readonly (keyof RequestFields)[] = requestFieldNames,
): { readonly checked: Checked; readonly webhook: Webhook | undefined; readonly reuse: boolean } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { checked: checkSpec(body), webhook: undefined, reuse: false };
  const { spec, request, misspelt } = splitBody(body as Readonly<Record<string, unknown>>, known);
  const { webhook, reuse, problems } = parseRequestFields(request, policy);
  problems.push(
    ...misspelt.map((name) => ({
      path: pointer([name]),
      message: `unknown field ${show(name)}: did you mean "${nearest(name, known)}"?`,
      code: 'unknownField',
    })),
  );
  const checked = attempt(checkSpec, spec, problems);
  if (problems.length > 0) throw new SpecError(problems);
  return { checked, webhook: webhook && { url: webhook.url, secret: webhook.secret ?? null }, reuse };
}

/** Splits a body into fields of the spec (`spec`), known other fields (`request`), and probably misspelt names of known fields. */
function splitBody(body: Readonly<Record<string, unknown>>, known: readonly (keyof RequestFields)[]) {
  const spec: Record<string, unknown> = {};
  const request: Record<string, unknown> = {};
  const misspelt: string[] = [];
  let compared = 0;
  for (const [name, value] of Object.entries(body)) {
    const isKnown = (known as readonly string[]).includes(name);
    // Comparing names takes time, and only `mostProblems` problems are reported anyway.
    const isCompared = !isKnown && !specFields.includes(name) && compared++ < mostProblems;
    if (isKnown) request[name] = value;
    else if (isCompared && isMeantForRequest(name, known)) misspelt.push(name);
    else spec[name] = value;
  }
  return { spec, request, misspelt };
}

/** Checks a spec. @throws SpecError if the spec has problems. The error contains them, and the `known` problems */
function attempt<Checked>(checkSpec: (spec: unknown) => Checked, spec: unknown, known: readonly Problem[]): Checked {
  try {
    return checkSpec(spec);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new SpecError([...error.issues, ...known]);
  }
}

/** Returns whether an unknown field resembles another known field more than a field of the spec. */
function isMeantForRequest(name: string, known: readonly string[]): boolean {
  const near = nearest(name, [...specFields, ...known]);
  return near !== null && known.includes(near);
}

function parseRequestFields(body: object, policy: WebhookPolicy): RequestFields & { problems: Problem[] } {
  const parsed = parse(requestFieldsSchema, body);
  if (!parsed.ok) return { reuse: false, problems: parsed.problems };
  const { webhook } = parsed.data;
  return { ...parsed.data, problems: webhook === undefined ? [] : webhookProblems(webhook, policy) };
}

/** Returns the problems of a webhook that can be found without a request to its receiver. */
function webhookProblems({ url, secret }: NewWebhook, policy: WebhookPolicy): Problem[] {
  const problems: Problem[] = [];
  const address = literalAddress(new URL(url));
  if (!policy.allowPrivate && address !== null && !isPublicAddress(address)) {
    const message = `${address} is not a public address: use a public address`;
    problems.push({ path: '/webhook/url', message, code: 'privateAddress' });
  }
  if (secret === undefined && policy.secret === null) {
    const message = 'required: the service has no secret (TRAINYARD_WEBHOOK_SECRET) to sign messages, so send one';
    problems.push({ path: '/webhook/secret', message, code: 'required' });
  }
  return problems;
}
