// `npm run test:containers`: the integration tests on a Redis in a container, and the composed service in containers. Where
// no container engine answers it says so in one line and is no failure; engines are found as testcontainers finds them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';

const root = fileURLToPath(new URL('../..', import.meta.url));
const projects = ['jobs', 'api', 'worker', 'containers'];

/** Null when an engine answers, else why not. */
async function engineProblem(): Promise<string | null> {
  try {
    await getContainerRuntimeClient();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The composed service's Redis: the same image and the same settings. */
async function startRedis(): Promise<StartedTestContainer> {
  const [, image = ''] = /image: (redis:\S+)/.exec(await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')) ?? [];
  const target = '/etc/redis/redis.conf';
  return await new GenericContainer(image)
    .withCopyFilesToContainer([{ source: fileURLToPath(new URL('../../docker/redis.conf', import.meta.url)), target }])
    .withCommand(['redis-server', target])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
}

async function runTests(redisUrl: string): Promise<number> {
  const config = fileURLToPath(new URL('vitest.config.ts', import.meta.url));
  const args = ['run', '--root', root, '--config', config, ...projects.flatMap((name) => ['--project', name]), ...process.argv.slice(2)];
  const vitest = spawn('vitest', args, { stdio: 'inherit', env: { ...process.env, REDIS_URL: redisUrl } });
  // Whoever interrupts the tests does not mean the container to stay: with their end, this program goes on to stop it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
  const [code] = (await once(vitest, 'exit')) as [number | null];
  return code ?? 1;
}

const problem = await engineProblem();
if (problem !== null) console.log(`test:containers: skipped, because no container engine answers (${problem})`);
else {
  const redis = await startRedis();
  try {
    process.exitCode = await runTests(`redis://${redis.getHost()}:${redis.getMappedPort(6379)}`);
  } finally {
    await redis.stop();
  }
}
