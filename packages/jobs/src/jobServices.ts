// The services of jobs that need neither HTTP nor a training, built once for a process from its settings and its connections to Redis.
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine/spec';
import { openArtifacts } from './artifacts/openArtifacts.ts';
import type { CloseStack } from './environment/closeStack.ts';
import type { Environment } from './environment/readEnvironment.ts';
import { JobStore } from './jobStore.ts';
import type { Connections } from './redis/connections.ts';
import { ReservedFiles } from './reservedFiles.ts';
import { TrainQueue } from './trainQueue.ts';
import { WorkerPresence } from './workerPresence.ts';

export type JobServices = Awaited<ReturnType<typeof createJobServices>>;

/**
 * Opens the artifact storage and two connections, and builds the services on them. `stack` closes the storage and the queue.
 * @param role the role of the connection for commands: those of an API fail soon without Redis, those of a worker wait for it. The other
 *   connection is a subscriber
 * @throws the error of {@link openArtifacts} if the artifact storage cannot be opened
 */
export async function createJobServices(
  config: Pick<Environment, 'artifactsUrl' | 'home' | 'relaxed'>,
  { connections, stack }: { readonly connections: Connections; readonly stack: CloseStack },
  role: 'api' | 'worker',
) {
  const { prefix, onError } = connections;
  const artifacts = await stack.open(
    async () => await openArtifacts(config.artifactsUrl, config.home),
    (opened) => opened.close(),
  );
  const redis = connections.open(role);
  const subscriber = connections.open('subscriber');
  const queue = new TrainQueue({ redis, prefix, onError });
  stack.defer(() => queue.close());
  return {
    prefix,
    redis,
    subscriber,
    artifacts,
    queue,
    jobs: new JobStore({ redis, prefix, queue, engineVersion: config.relaxed ? relaxedEngineVersion : engineVersion }),
    reservedFiles: new ReservedFiles({ redis, prefix, artifacts }),
    presence: new WorkerPresence({ redis, prefix }),
  };
}
