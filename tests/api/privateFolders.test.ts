// Tests that other users of the machine cannot read the folders that the API and the worker create.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openHome, startServer } from './fixtures/serverProcess.ts';

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

test.skipIf(process.platform === 'win32')('the data folder and the folder of artifacts are private', async ({ onTestFinished }) => {
  const home = await openHome();
  onTestFinished(async () => await home.close());
  for (const program of ['api', 'worker'] as const) {
    const folder = join(home.folder, program);
    const artifacts = join(home.folder, `${program}-artifacts`);
    const env = {
      PATH: process.env['PATH'] ?? '',
      REDIS_URL: home.redis.url,
      TRAINYARD_HOME: join(folder, 'data'),
      ARTIFACTS_URL: pathToFileURL(join(artifacts, 'files')).href,
    };
    await mkdir(folder);
    if (program === 'api') {
      const server = startServer(env);
      onTestFinished(() => void server.child.kill('SIGKILL'));
      await server.ready();
      server.child.kill('SIGTERM');
      await server.exit;
    } else {
      const worker = fork(new URL('../../services/worker/dist/main.js', import.meta.url), { env, silent: true });
      onTestFinished(() => void worker.kill('SIGKILL'));
      await once(worker, 'message');
      worker.kill('SIGTERM');
      await once(worker, 'exit');
    }
    expect([program, await modeOf(join(folder, 'data')), await modeOf(join(artifacts, 'files'))]).toEqual([program, '700', '700']);
  }
});
