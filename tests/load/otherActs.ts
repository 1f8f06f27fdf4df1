// The other actions of clients: lists, sweeps, datasets and invalid requests.
import type { Dataset, JobPage, Sweep } from '@trainyard/contracts';
import type { Client } from './client.ts';
import { ofTable, small, sweepBody } from './specs.ts';

/** Reads all pages of a list, each from a random process. */
export async function readList(client: Client, filter: string): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const cursor = after === '' ? '' : `&after=${after}`;
    const { body } = await client.ask({ operation: 'GET /jobs', path: `/jobs?limit=100${filter}${cursor}`, expect: [200] });
    const page = body as JobPage;
    ids.push(...page.data.map(({ id }) => id));
    after = page.nextCursor;
  }
  return ids;
}

/** Lists jobs while others post: the list has each job once, newest first, and includes all earlier jobs. */
export async function list(client: Client): Promise<void> {
  const { ledger } = client;
  const filter = client.draws.oneOf(['', `&label=client:${client.name}`]);
  const known = ledger.kept();
  const ids = await readList(client, filter);
  ledger.check(new Set(ids).size === ids.length, 'a list contains a job twice');
  ledger.check(
    ids.every((id, at) => at === 0 || id < (ids[at - 1] ?? '')),
    'a list is not ordered newest first',
  );
  if (filter !== '') return;
  const [listed, kept] = [new Set(ids), new Set(ledger.kept())];
  const missing = known.filter((id) => kept.has(id) && !listed.has(id));
  ledger.check(missing.length === 0, 'an accepted job is missing in a list');
}

/** Posts a sweep and sometimes cancels it. */
export async function sweep(client: Client): Promise<void> {
  const { ledger, draws } = client;
  const count = draws.between(2, 4);
  const json = sweepBody(draws, count);
  const headers = { 'idempotency-key': client.newKey() };
  const request = { operation: 'POST /sweeps', path: '/sweeps', expect: [202], json, headers };
  const answers = await Promise.all(client.urls(2).map(async (url) => await client.ask(request, url)));
  const ids = new Set(answers.map(({ body }) => (body as Sweep).id));
  ledger.check(ids.size === 1, `one idempotency key created ${ids.size} sweeps`);
  const [id = ''] = ids;
  ledger.sweeps.set(id, count);
  if (draws.below(4) === 0) {
    await client.ask({ operation: 'POST /sweeps/{id}/cancel', path: `/sweeps/${id}/cancel`, expect: [202, 409] });
  }
  await client.ask({ operation: 'GET /sweeps/{id}', path: `/sweeps/${id}`, expect: [200] });
}

/** Uploads one table to two processes at the same time. It becomes one dataset, which is deleted when no job uses it any more. */
export async function upload(client: Client): Promise<void> {
  const { table, bodyFor } = ofTable(client.draws, client.newKey());
  const put = async (url: string) => {
    const form = new FormData();
    form.set('targetColumn', 'kind');
    form.set('file', new Blob([table]), 'table.csv');
    return await client.ask({ operation: 'POST /datasets', path: '/datasets', expect: [200, 201], form }, url);
  };
  const answers = await Promise.all(client.urls(2).map(put));
  const ids = new Set(answers.map(({ body }) => (body as Dataset).id));
  client.ledger.check(ids.size === 1, `one table became ${ids.size} datasets`);
  client.ledger.check(
    answers.filter(({ status }) => status === 201).length === 1,
    'the number of processes that reported a new dataset is not one',
  );
  const [id = ''] = ids;
  const { id: jobId } = await client.post(bodyFor(id));
  const request = { operation: 'DELETE /datasets/{id}', path: `/datasets/${id}` };
  const early = await client.ask({ ...request, expect: [204, 409] });
  if (early.status === 204) return;
  await client.until(jobId);
  await client.ask({ ...request, expect: [204] });
}

/** Sends invalid requests, which must be refused with the right status. */
export async function ask4xx(client: Client): Promise<void> {
  const body = { ...small(client.draws), optimizer: { type: 'sdg' } };
  await client.ask({ operation: 'POST of nonsense', path: '/jobs', expect: [422], json: body });
  await client.ask({ operation: 'GET of nonsense', path: '/jobs/job_none', expect: [404] });
  await client.ask({ operation: 'GET of nonsense', path: '/jobs?limit=few', expect: [422] });
}
