// The API's process. Prints `listening on http://HOST:PORT` on standard output when it is ready.
import { requireKeysBeyondLoopback, runService } from '@trainyard/jobs';
import { createApp } from './app.ts';
import { startBackground } from './background.ts';
import { apiConfig } from './config.ts';
import { createServices } from './services.ts';

/** Connections that may wait to be accepted, as after a restart; the system may allow fewer. Others try again after a second. */
const waitingConnections = 4_096;

await runService({
  name: 'api',
  meanwhile: 'requests that need it are answered with 503',
  longestStopMs: 8_000,
  canHurry: false,
  check: requireKeysBeyondLoopback,
  start: async (environment, { stack, ...base }) => {
    const config = apiConfig(environment);
    const services = await createServices(config, { stack, ...base });
    await stack.open(
      async () => await startBackground(config, services),
      (background) => background.close(),
    );
    const app = await stack.open(
      async () => await createApp({ services, config }),
      (opened) => opened.close(),
    );
    const url = await app.listen({ host: environment.host, port: environment.port, backlog: waitingConnections });
    process.stdout.write(`listening on ${url}\n`);
    return url;
  },
});
