// The body of a new job, or of a job that continues another one: a spec, which the engine checks, and fields beside the spec, which are
// checked here. Problems of both are reported together.
import { type NewWebhook, newWebhook } from '@trainyard/contracts';
import { mostProblems, nearest, newJobSchema, parse, pointer, type Problem, show, SpecError } from '@trainyard/engine/spec';
import type { Webhook } from '@trainyard/jobs';
import { z } from 'zod';
import { isPublicAddress, literalAddress } from '../webhooks/addressGuard.ts';
import type { WebhookPolicy } from '../webhooks/webhookSender.ts';

const besides = {
  webhook: newWebhook.optional(),
  reuse: z
    .boolean()
    .default(false)
    .describe('If a job of yours with the same spec, data, seed and engine has succeeded, returns that job and creates none'),
};
const besidesSchema = z.object(besides);
type Besides = z.output<typeof besidesSchema>;

/** The schema of the whole body, for the OpenAPI document. */
export const jobBody: z.ZodType = newJobSchema.extend(besides);

const specFields = Object.keys(newJobSchema.shape);
const besidesFields = Object.keys(besides) as readonly (keyof Besides)[];

/**
 * Checks a body. The fields of the spec and the fields beside it are checked separately.
 * @param checkSpec checks the fields of the spec
 * @param known the fields that are allowed beside the spec. Default: all
 * @throws SpecError if the spec or a field beside it has problems. The error contains all of them
 */
export function checkJobBody<Checked>(
  body: unknown,
  policy: WebhookPolicy,
  checkSpec: (spec: unknown) => Checked,
  known: readonly (keyof Besides)[] = besidesFields,
): { readonly checked: Checked; readonly webhook: Webhook | undefined; readonly reuse: boolean } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { checked: checkSpec(body), webhook: undefined, reuse: false };
  const { own, beside, misspelt } = apart(body as Readonly<Record<string, unknown>>, known);
  const { webhook, reuse, problems } = parseBesides(beside, policy);
  problems.push(
    ...misspelt.map((name) => ({
      path: pointer([name]),
      message: `unknown field ${show(name)}: did you mean "${nearest(name, known)}"?`,
      code: 'unknownField',
    })),
  );
  const checked = attempt(checkSpec, own, problems);
  if (problems.length > 0) throw new SpecError(problems);
  return { checked, webhook: webhook && { url: webhook.url, secret: webhook.secret ?? null }, reuse };
}

/** Splits a body into fields of the spec (`own`), known fields beside it (`beside`), and probably misspelt names of known fields. */
function apart(body: Readonly<Record<string, unknown>>, known: readonly (keyof Besides)[]) {
  const own: Record<string, unknown> = {};
  const beside: Record<string, unknown> = {};
  const misspelt: string[] = [];
  let compared = 0;
  for (const [name, value] of Object.entries(body)) {
    const isKnown = (known as readonly string[]).includes(name);
    // Comparing names takes time, and only `mostProblems` problems are reported anyway.
    const isCompared = !isKnown && !specFields.includes(name) && compared++ < mostProblems;
    if (isKnown) beside[name] = value;
    else if (isCompared && isMeantForBesides(name, known)) misspelt.push(name);
    else own[name] = value;
  }
  return { own, beside, misspelt };
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

/** Returns whether an unknown field resembles a field beside the spec more than a field of the spec. */
function isMeantForBesides(name: string, known: readonly string[]): boolean {
  const near = nearest(name, [...specFields, ...known]);
  return near !== null && known.includes(near);
}

function parseBesides(body: object, policy: WebhookPolicy): Besides & { problems: Problem[] } {
  const parsed = parse(besidesSchema, body);
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
