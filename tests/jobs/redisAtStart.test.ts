// Tests the check of Redis at the start of a program. If the service cannot use Redis, the program ends with one line of advice. Otherwise it
// starts, with every form of connection.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { closeRedis, connectRedis, findOnPath, probeCommands, probeRedis, requireUsableRedis, RedisHealth } from '@trainyard/jobs';
import { expect, test as plainTest } from 'vitest';
import { freePort, hasRedisServer, RedisServer } from '../support/redisServer.ts';
import { until } from '../support/until.ts';

const test = plainTest.skipIf(!hasRedisServer);
const hasOpenssl = findOnPath('openssl', process.env['PATH'] ?? '') !== null;
const tlsTest = plainTest.skipIf(!hasRedisServer || !hasOpenssl);

async function refusal(url: string): Promise<string> {
  return await requireUsableRedis(url, 'trainyard').then(
    () => 'started',
    (error: Error) => error.message,
  );
}

const userUrl = (redis: RedisServer): string => redis.url.replace('//', '//yard:hush@');

async function withUser(...rules: string[]): Promise<RedisServer> {
  const redis = await RedisServer.start();
  await redis.call('ACL', 'SETUSER', 'yard', 'reset', 'on', '>hush', ...rules);
  return redis;
}

const everything = ['~{trainyard}:*', '&{trainyard}:*', '+@all'];

test.for([
  ['another password', async () => await withUser(...everything, 'resetpass', '>other'), userUrl, 'refuses the user name or the password'],
  ['no password given', async () => await RedisServer.start('--requirepass', 'hush'), (r: RedisServer) => r.url, 'requires a password'],
  ['no scripts', async () => await withUser(...everything, '-@scripting'), userUrl, 'does not let its user run EVAL, EVALSHA, SCRIPT'],
  ['no blocking', async () => await withUser(...everything, '-@blocking'), userUrl, 'does not let its user run BZPOPMIN'],
  ['no streams', async () => await withUser(...everything, '-xadd', '-xrange'), userUrl, 'does not let its user run XADD, XRANGE'],
  ['other keys', async () => await withUser('~other', '&*', '+@all'), userUrl, 'does not let its user read and write the keys'],
  ['no channels', async () => await withUser('~*', 'resetchannels', '+@all'), userUrl, 'does not let its user publish and subscribe'],
  [
    'a renamed command',
    async () => await RedisServer.start('--rename-command', 'EVALSHA', 'X'),
    (r: RedisServer) => r.url,
    'does not have EVALSHA',
  ],
  [
    'no such database',
    async () => await RedisServer.start('--databases', '4'),
    (r: RedisServer) => `${r.url}/4`,
    'has no database with this number',
  ],
  ['a replica', async () => await RedisServer.start('--replicaof', '127.0.0.1 1'), (r: RedisServer) => r.url, 'is a read-only replica'],
  [
    'jobs evicted',
    async () => await RedisServer.start('--maxmemory-policy', 'allkeys-lru'),
    (r: RedisServer) => r.url,
    'maxmemory-policy is allkeys-lru',
  ],
  [
    'no TLS',
    async () => await RedisServer.start(),
    (r: RedisServer) => r.url.replace('redis:', 'rediss:'),
    'does not accept TLS on this port',
  ],
] as const)('on a Redis with %s the start is refused', async ([, start, urlOf, reason], { onTestFinished }) => {
  const redis = await start();
  onTestFinished(async () => await redis.close());
  const said = await refusal(urlOf(redis));
  expect(said).toContain(`REDIS_URL: Redis `);
  expect(said).toContain(reason);
  expect(said).not.toMatch(/hush|\n|127\.0\.0\.1/);
});

plainTest('the start is refused if an HTTP server answers, but not if nothing listens yet', async ({ onTestFinished }) => {
  const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  expect(await refusal(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`)).toContain('another program answers');
  expect(await refusal(`redis://127.0.0.1:${await freePort()}`)).toBe('started');
});

test('the start waits for a Redis that is full or loading', async ({ onTestFinished }) => {
  const redis = await RedisServer.start('--maxmemory', '1mb');
  onTestFinished(async () => await redis.close());
  expect(await refusal(redis.url)).toBe('started');
});

test('a user with the permissions in the README works, and so does a Unix socket', async ({ onTestFinished }) => {
  const redis = await RedisServer.start('--unixsocket', 'redis.sock');
  onTestFinished(async () => await redis.close());
  const rules = /ACL SETUSER trainyard on >PASSWORD (.*)/.exec(readFileSync(new URL('../../README.md', import.meta.url), 'utf8'))?.[1];
  await redis.call('ACL', 'SETUSER', 'yard', 'on', '>hush', ...(rules ?? '').split(' '));
  expect(await refusal(userUrl(redis))).toBe('started');
  expect(await refusal(`redis+unix://${redis.folder}/redis.sock?db=3`)).toBe('started');
});

tlsTest('TLS works with the CA that the URL names, and without a CA the error says which parameter to set', async ({ onTestFinished }) => {
  const plain = await RedisServer.start();
  onTestFinished(async () => await plain.close());
  const [cert, key] = [join(plain.folder, 'cert.pem'), join(plain.folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ],
    { stdio: 'ignore' },
  );
  const port = await freePort();
  const redis = await RedisServer.start(
    '--tls-port',
    String(port),
    '--tls-cert-file',
    cert,
    '--tls-key-file',
    key,
    '--tls-ca-cert-file',
    cert,
    '--tls-auth-clients',
    'no',
  );
  onTestFinished(async () => await redis.close());
  expect(await refusal(`rediss://127.0.0.1:${port}?ca=${cert}`)).toBe('started');
  expect(await refusal(`rediss://127.0.0.1:${port}`)).toMatch(/has a TLS certificate that is not trusted.*\?ca=FILE/);
  expect(await refusal(`redis://127.0.0.1:${port}`)).toMatch(/accepts only TLS on this port.*rediss:/);
});

test('Sentinels lead to the primary, and to the next one after a failover', async ({ onTestFinished }) => {
  const primary = await RedisServer.start();
  const replica = await RedisServer.start('--replicaof', `127.0.0.1 ${primary.port}`);
  const port = await freePort();
  const config = join(primary.folder, 'sentinel.conf');
  await writeFile(
    config,
    `port ${port}\ndir ${primary.folder}\nsentinel monitor yard 127.0.0.1 ${primary.port} 1\nsentinel down-after-milliseconds yard 500\nsentinel failover-timeout yard 2000\n`,
  );
  const sentinel = spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' });
  onTestFinished(async () => {
    sentinel.kill('SIGKILL');
    await Promise.all([primary.close(), replica.close()]);
  });
  const asked = connectRedis(`redis://127.0.0.1:${port}`, { role: 'probe' });
  await until(async () => String(await asked.call('SENTINEL', 'REPLICAS', 'yard').catch(() => '')).includes(String(replica.port)));
  await closeRedis(asked);
  const url = `redis+sentinel://127.0.0.1:${port}/yard`;
  expect(await refusal(url)).toBe('started');
  const worker = connectRedis(url, { role: 'worker' });
  await worker.set('before', '1');
  await until(async () => (await replica.call('GET', 'before')) === '1');
  await primary.kill();
  await until(async () => await worker.set('after', '1').then(Boolean, () => false));
  expect(await replica.call('GET', 'after')).toBe('1');
  expect(await worker.get('before')).toBe('1');
  await closeRedis(worker);
});

test('the log has one line for the beginning of an outage and one for its end, however many commands fail', async ({ onTestFinished }) => {
  const redis = await RedisServer.start();
  const lines: string[] = [];
  const log = {
    info: (_fields: object, message: string) => lines.push(message),
    warn: (_fields: object, message: string) => lines.push(message),
  };
  const health = new RedisHealth({ redisUrl: redis.url, prefix: 'trainyard', log, meanwhile: 'jobs wait' });
  onTestFinished(async () => {
    await health.close();
    await redis.close();
  });
  await health.check();
  await redis.call('CONFIG', 'SET', 'maxmemory', '1mb');
  for (let turn = 0; turn < 2_000; turn++) health.report(new Error("OOM command not allowed when used memory > 'maxmemory'."));
  await expect(health.check()).rejects.toMatchObject({ failure: { kind: 'outOfMemory' } });
  await redis.call('CONFIG', 'SET', 'maxmemory', '0');
  await until(() => health.failure === null);
  expect(lines).toEqual([
    expect.stringMatching(/^Redis is full.*: jobs wait\. Raise/),
    expect.stringMatching(/^Redis can be used again after [\d.]+ s$/),
  ]);
});

test('a probe leaves only the id of the data behind', async ({ onTestFinished }) => {
  const redis = await RedisServer.start();
  const connection = connectRedis(redis.url, { role: 'probe' });
  onTestFinished(async () => {
    await closeRedis(connection);
    await redis.close();
  });
  const [first, second] = [await probeRedis(connection, 'yard'), await probeRedis(connection, 'yard')];
  expect(first).toMatchObject({ warnings: [], identity: second.identity, memory: { maxBytes: null } });
  expect(await redis.call('KEYS', '*')).toEqual(['{yard}:identity']);
  expect(new Set(probeCommands(String, '').map(([name]) => name)).size).toBeGreaterThan(60);
});

test('the start is refused at a node of a Redis Cluster if other nodes hold the keys, and waits while the cluster is down', async ({
  onTestFinished,
}) => {
  const start = async (): Promise<RedisServer> => {
    const node = await RedisServer.start('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
    onTestFinished(async () => await node.close());
    return node;
  };
  const [empty, owner] = [await start(), await start()];
  expect(await refusal(empty.url)).toBe('started');
  await owner.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  const [, busPort] = /:\d+@(\d+)/.exec(String(await owner.call('CLUSTER', 'NODES'))) ?? [];
  await empty.call('CLUSTER', 'MEET', '127.0.0.1', owner.port, busPort ?? '');
  await until(async () => String(await empty.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  expect(await refusal(empty.url)).toMatch(/node of a Redis Cluster that does not hold the keys.*Redis Cluster is not supported/);
});
