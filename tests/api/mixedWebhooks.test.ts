// Several processes that send webhooks, of which some lack a setting that others have, as while a deployment is rolled out. What a process
// cannot send by its own fault is no failure of the receiver.
import { describe, expect } from 'vitest';
import { until } from '../support/until.ts';
import { verified } from './fixtures/receiver.ts';
import { get, jobSecret, post, serviceSecret, statusBecomes, succeed, webhookTest as test } from './fixtures/webhooks.ts';

describe('a process without the secret', () => {
  test('leaves webhooks to one that has it', async ({ stage: { api, send, receive } }) => {
    const left: string[] = [];
    send({ secret: null, leftPauseMs: 1, onLeft: (setting) => left.push(setting) });
    const receiver = await receive();
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    await until(() => left.length > 5);
    expect(new Set(left)).toEqual(new Set(['TRAINYARD_WEBHOOK_SECRET']));
    // However often, no attempt is counted.
    const { webhook } = await get(api, job.id);
    expect(webhook).toMatchObject({ status: 'pending', attempts: 0, error: 'waits for an API process that has TRAINYARD_WEBHOOK_SECRET' });
    expect(receiver.received).toEqual([]);
    send();
    await statusBecomes(api, job, 'delivered');
    expect((await get(api, job.id)).webhook).toMatchObject({ attempts: 1, error: null });
    expect(receiver.received.map((message) => verified(message, serviceSecret))).toHaveLength(1);
  });

  test('sends webhooks that have their own secret', async ({ stage: { api, send, receive } }) => {
    send({ secret: null });
    const receiver = await receive();
    const job = await post(api, { url: receiver.url, secret: jobSecret });
    await succeed(api, job);
    await statusBecomes(api, job, 'delivered');
  });
});

describe('a process that may not send to private addresses', () => {
  test('leaves webhooks to a process that may send them', async ({ stage: { api, send, receive } }) => {
    const left: string[] = [];
    const other = send({ secret: null });
    const receiver = await receive();
    await until(async () => await api.webhooks.isPrivateAnnounced());
    send({ allowPrivate: false, leftPauseMs: 1, onLeft: (setting) => left.push(setting) });
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    await until(() => left.filter((setting) => setting === 'TRAINYARD_WEBHOOK_PRIVATE').length > 2);
    expect((await get(api, job.id)).webhook).toMatchObject({ status: 'pending', attempts: 0 });
    await other.close();
    send();
    await statusBecomes(api, job, 'delivered');
  });

  test('marks webhooks as failed if no process may send them', async ({ stage: { api, send, receive } }) => {
    send({ allowPrivate: false });
    const receiver = await receive();
    const job = await post(api, { url: receiver.url });
    await succeed(api, job);
    await statusBecomes(api, job, 'failed');
    expect((await get(api, job.id)).webhook).toMatchObject({ error: expect.stringMatching(/private|public/) as string });
  });
});
