// How late events come to 100, 1,000 and 10,000 listeners of one job, and that Redis has no more connections for them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkSpec } from '@trainyard/engine/spec';
import { closeRedis, connectRedis, JobStore, servicePrefix as prefix, TrainQueue } from '@trainyard/jobs';
import { type Figure, quantile } from '../figure.ts';
import { type Rig, readTutorial } from './rig.ts';

const epochs = 10;

export async function* deliveryFigures({ url, redis: { url: redisUrl } }: Rig): AsyncGenerator<Figure> {
  const redis = connectRedis(redisUrl, { role: 'worker' });
  const queue = new TrainQueue({ redis, prefix });
  const store = new JobStore({ redis, prefix, queue });
  const connections = async () => Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))?.[1]);
  const { spec } = checkSpec({ ...(await readTutorial()), epochs });
  try {
    for (const count of [100, 1_000, 10_000]) {
      const { jobId } = await store.record({ spec, owner: ':local' });
      const claim = await store.claim(jobId, 'bench');
      if (claim.outcome !== 'claimed') throw new Error(`the job was ${claim.outcome}`);
      const before = await connections();
      const child = fork(fileURLToPath(new URL('./listeners.ts', import.meta.url)), [url, jobId, String(count)]);
      await once(child, 'message');
      const during = await connections();
      for (let epoch = 1; epoch <= epochs; epoch++) {
        await claim.attempt.appendEpoch({ ...metrics, epoch });
        await sleep(500);
      }
      const answer = once(child, 'message') as Promise<[{ delays: number[] }]>;
      await claim.attempt.finish({ status: 'succeeded', result });
      const [{ delays }] = await answer;
      if (delays.length !== count * epochs) throw new Error(`${delays.length} events came instead of ${count * epochs}`);
      yield { metric: `eventDeliveryP99At${count}`, value: quantile(delays, 0.99), unit: 'ms' };
      yield { metric: `redisConnectionsMoreAt${count}`, value: during - before, unit: 'connections' };
    }
  } finally {
    await queue.close();
    await closeRedis(redis);
  }
}

const metrics = {
  trainLoss: 0.5,
  testLoss: null,
  testAccuracy: null,
  learningRate: 0.01,
  seconds: 0.5,
  samplesPerSecond: 2,
  gradientNorm: 1,
};

const result = {
  finalTrainLoss: 0.5,
  bestTestLoss: null,
  testAccuracy: null,
  parameters: 61_706,
  weightsSha256: 'ab'.repeat(32),
  engineVersion: '0.1.0',
  peakMemoryBytes: 1_000_000,
  seconds: 5,
};
