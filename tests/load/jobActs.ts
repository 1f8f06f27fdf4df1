// The actions of clients on their own jobs. Each action records the expected results in the ledger.
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from '@trainyard/contracts';
import type { Answer, Client } from './client.ts';
import { follow } from './follow.ts';
import { diverging, digits, long, small } from './specs.ts';

/** Posts several jobs at once and waits only for the last one. */
export async function postSeveral(client: Client): Promise<void> {
  const jobs = await Promise.all(Array.from({ length: client.draws.between(2, 6) }, async () => await client.post(small(client.draws))));
  await client.until(jobs.at(-1)?.id ?? '');
}

/** Sends one request to several processes at the same time with one idempotency key. It must create one job. */
export async function postTwice(client: Client): Promise<void> {
  const body = small(client.draws);
  const headers = { 'idempotency-key': client.newKey() };
  const request = { operation: 'POST /jobs', path: '/jobs', expect: [202], json: client.labelled(body), headers };
  const answers = await Promise.all(client.urls(3).map(async (url) => await client.ask(request, url)));
  const id = oneJobOf(client, [...answers, await client.ask(request)]);
  client.ledger.promise(id, body, body.epochs);
  const other = { ...client.labelled(body), epochs: body.epochs + 1 };
  await client.ask({ ...request, expect: [422], json: other });
}

/** Checks that the responses to one request name one job that was created once. @returns its id */
function oneJobOf({ ledger }: Client, answers: readonly Answer[]): string {
  const ids = new Set(answers.map(({ body }) => (body as Job).id));
  ledger.check(ids.size === 1, `one idempotency key created ${ids.size} jobs`);
  const made = answers.filter(({ headers }) => !headers.has('idempotency-replayed')).length;
  ledger.check(made === 1, `${made} responses to one idempotency key have the status of a new job`);
  return [...ids][0] ?? '';
}

/** Posts a job that several readers follow at the same time. */
export async function postAndFollow(client: Client): Promise<void> {
  const { id } = await client.post(client.draws.oneOf([small, digits, long])(client.draws));
  await Promise.all(Array.from({ length: client.draws.between(1, 3) }, async () => await follow(client, id)));
}

export async function fail(client: Client): Promise<void> {
  const { id } = await client.post(diverging(client.draws), ['failed']);
  await follow(client, id);
  const { error } = await client.get(id);
  client.ledger.check(error !== null && error.message !== '', 'a failed job has no error message');
}

/** Cancels a job after a random time, through two processes at once. @returns the job, if it was still running or waiting */
async function cancelOne(client: Client): Promise<{ readonly id: string; readonly body: ReturnType<typeof long> } | null> {
  const body = long(client.draws);
  const { id } = await client.post(body);
  await delay(client.draws.below(1_500));
  const answers = await Promise.all(client.urls(2).map(async () => await client.act('cancel', id)));
  const isInTime = answers.some(({ status }) => status === 202);
  if (isInTime) client.ledger.amend(id, { ends: ['cancelled'] });
  const { status } = await client.until(id);
  client.ledger.check(
    status === (isInTime ? 'cancelled' : 'succeeded'),
    `a job whose cancellation was ${String(isInTime)} ended ${status}`,
  );
  return isInTime ? { id, body } : null;
}

export async function cancel(client: Client): Promise<void> {
  await cancelOne(client);
}

/** Retries a cancelled job with the same request at several processes. The retry has the normal result. */
export async function cancelAndRetry(client: Client): Promise<void> {
  const cancelled = await cancelOne(client);
  if (cancelled === null) return;
  const { id, body } = cancelled;
  const headers = { 'idempotency-key': client.newKey() };
  const request = { operation: 'POST /jobs/{id}/retry', path: `/jobs/${id}/retry`, expect: [202], headers };
  const answers = await Promise.all(client.urls(2).map(async (url) => await client.ask(request, url)));
  const retry = oneJobOf(client, answers);
  client.ledger.promise(retry, body, body.epochs);
  const { retryOf } = await client.until(retry);
  client.ledger.check(retryOf === id, 'a retry does not name the job that it retries');
}

/** Pauses and resumes a job several times while a reader follows it. */
export async function pauseAndResume(client: Client): Promise<void> {
  const { id } = await client.post(long(client.draws));
  const following = follow(client, id);
  for (let times = client.draws.between(1, 3); times > 0; times--) {
    await delay(client.draws.below(800));
    if ((await client.act('pause', id)).status === 409) break;
    if ((await client.until(id, ({ status }) => status === 'paused')).status !== 'paused') break;
    const { status } = await client.act('resume', id);
    client.ledger.check(status === 202, 'a paused job could not be resumed');
  }
  await following;
}

/** Requests predictions of a successful job from two processes. Both must give the same result. */
export async function predict(client: Client): Promise<void> {
  const { id } = await client.post(small(client.draws));
  await client.until(id);
  const inputs = Array.from({ length: client.draws.between(1, 16) }, () => Array.from({ length: 4 }, () => client.draws.below(100) / 100));
  const request = { operation: 'POST /jobs/{id}/predict', path: `/jobs/${id}/predict`, expect: [200], json: { inputs } };
  const answers = await Promise.all(client.urls(2).map(async (url) => await client.ask(request, url)));
  const [first, ...others] = answers.map(({ body }) => JSON.stringify(body));
  client.ledger.check(
    others.every((other) => other === first),
    'two processes gave different predictions of the same model',
  );
  const predicted = answers.map(({ body }) => (body as { readonly outputs: readonly unknown[] }).outputs.length);
  client.ledger.check(
    predicted.every((count) => count === inputs.length),
    'the number of outputs of a prediction differs from the number of inputs',
  );
}

/** Deletes a job. This is refused until the job has ended. */
export async function remove(client: Client): Promise<void> {
  const { id } = await client.post(digits(client.draws));
  const request = { operation: 'DELETE /jobs/{id}', path: `/jobs/${id}` };
  const early = await client.ask({ ...request, expect: [204, 409] });
  if (early.status === 409) await client.until(id);
  client.ledger.amend(id, { isDeleted: true });
  if (early.status === 409) await client.ask({ ...request, expect: [204] });
  for (const path of [`/jobs/${id}`, `/jobs/${id}/events`, `/jobs/${id}/artifacts`]) {
    await client.ask({ operation: 'GET of a deleted job', path, expect: [404] });
  }
}
