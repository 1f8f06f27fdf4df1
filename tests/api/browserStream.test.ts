// A browser's own EventSource, with keys on: it follows a job by a token, on a page of another web site, across a restart of
// the API. Needs chromium on the PATH.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamToken } from '@trainyard/contracts';
import { createApiKey, findOnPath, parseApiKeys } from '@trainyard/jobs';
import { expect } from 'vitest';
import { metricsOf, result, startJob } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { openApi } from './fixtures/api.ts';

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => findOnPath(name, process.env['PATH'] ?? '')).find(Boolean);

/** Reports each event, each interruption and the end to the server that it comes from. */
const pageOf = (streamUrl: string): string => `<!doctype html><script>
  let reported = Promise.resolve();
  const report = (what) => (reported = reported.then(() => fetch('/report', { method: 'POST', body: JSON.stringify(what) })));
  const source = new EventSource(${JSON.stringify(streamUrl)});
  for (const type of ['status', 'epoch', 'log'])
    source.addEventListener(type, ({ lastEventId, data }) => report([type, JSON.parse(data).status ?? JSON.parse(data).epoch, lastEventId]));
  source.onerror = () => report([source.readyState === EventSource.CLOSED ? 'closed' : 'interrupted']);
</script>`;

type Report = readonly [what: string, value?: string | number, id?: string];

/** A web site with one page, and what the page reports. */
async function openSite(pageFor: () => string): Promise<{ readonly server: Server; readonly origin: string; readonly reports: Report[] }> {
  const reports: Report[] = [];
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.setHeader('content-type', 'text/html').end(request.url === '/' ? pageFor() : '');
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      reports.push(JSON.parse(body) as Report);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, reports };
}

async function openBrowser(program: string, url: string, onTestFinished: (close: () => Promise<void>) => void): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'trainyard-browser-'));
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', `--user-data-dir=${profile}`, url];
  const browser: ChildProcess = spawn(program, args, { stdio: 'ignore', detached: true });
  onTestFinished(async () => {
    const ended = once(browser, 'exit');
    // With the processes that it has started.
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  });
}

redisTest.skipIf(chromium === undefined)(
  'a browser’s EventSource follows a job by a token, across a restart of the API, and stops at its end',
  async ({ redis, onTestFinished }) => {
    const key = createApiKey('ada', 'user');
    let page = '';
    const site = await openSite(() => page);
    onTestFinished(async () => {
      site.server.closeAllConnections();
      site.server.close();
      await once(site.server, 'close');
    });
    const options = { apiKeys: parseApiKeys(key.entry), corsOrigins: [site.origin] };
    const before = await openApi(redis, options);
    const url = await before.listen();
    const attempt = await startJob(before.jobs);
    const headers = { authorization: `Bearer ${key.token}` };
    const issued = await before.call({ method: 'POST', url: `/jobs/${attempt.jobId}/events/token`, headers });
    page = pageOf(`${url}/jobs/${attempt.jobId}/events?token=${issued.json<StreamToken>().token}`);
    await openBrowser(chromium ?? '', site.origin, onTestFinished);

    const has = (what: string, value?: string | number): boolean =>
      site.reports.some((report) => report[0] === what && report[1] === value);
    await expect.poll(() => has('status', 'running')).toBe(true);
    await attempt.appendEpoch(metricsOf(1));
    await expect.poll(() => has('epoch', 1)).toBe(true);
    await before.close();
    await expect.poll(() => has('interrupted')).toBe(true);
    await attempt.appendEpoch(metricsOf(2));
    const after = await openApi(redis, options);
    onTestFinished(async () => await after.close());
    await after.app.listen({ host: '127.0.0.1', port: Number(new URL(url).port) });
    await expect.poll(() => has('epoch', 2)).toBe(true);
    await attempt.finish({ status: 'succeeded', result });
    await expect.poll(() => has('closed')).toBe(true);
    const events = site.reports.flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${value}`]));
    expect(events).toEqual(['status queued', 'status running', 'epoch 1', 'epoch 2', 'status succeeded']);
  },
);
