// GET /jobs with 100,000 jobs stored: the first page, pages further back, and pages by each filter.
import { checkSpec } from '@trainyard/engine/spec';
import { closeRedis, connectRedis, JobStore, servicePrefix as prefix, TrainQueue } from '@trainyard/jobs';
import { type Figure, quantile } from '../figure.ts';
import { type Rig, readTutorial } from './rig.ts';

const stored = 100_000;
const asked = 500;
/** Requests before those that count: a service that has just started compiles while it answers. */
const unmeasured = 50;

export async function* listFigures({ url, redis: { url: redisUrl } }: Rig): AsyncGenerator<Figure> {
  const redis = connectRedis(redisUrl, { role: 'worker' });
  const queue = new TrainQueue({ redis, prefix });
  const store = new JobStore({ redis, prefix, queue });
  const tutorial = await readTutorial();
  try {
    const specs = Array.from({ length: 100 }, (_, team) => checkSpec({ ...tutorial, labels: { team: `t${team}` } }).spec);
    for (let made = 0; made < stored; made += 1_000) {
      await Promise.all(
        Array.from({ length: 1_000 }, async (_, at) => await store.create({ spec: specs[at % specs.length] ?? specs[0], owner: ':local' })),
      );
    }
  } finally {
    await queue.close();
    await closeRedis(redis);
  }
  for (const [metric, query] of [
    ['listP99', ''],
    ['listByStatusP99', '&status=queued'],
    ['listByRareStatusP99', '&status=failed'],
    ['listByLabelP99', '&label=team:t7'],
    ['listByLabelAndStatusP99', '&label=team:t7&status=queued'],
    ['listByTimeP99', '&createdAfter=2020-01-01T00:00:00Z&createdBefore=2100-01-01T00:00:00Z'],
    ['listLongestPageP99', '&limit=100'],
  ]) {
    const delays: number[] = [];
    let after = '';
    for (let request = -unmeasured; request < asked; request++) {
      const start = performance.now();
      const response = await fetch(`${url}/jobs?${query}${after}`);
      const page = (await response.json()) as { nextCursor: string | null };
      if (request >= 0) delays.push(performance.now() - start);
      if (response.status !== 200) throw new Error(JSON.stringify(page));
      after = page.nextCursor === null ? '' : `&after=${page.nextCursor}`;
    }
    yield { metric, value: quantile(delays, 0.99), unit: 'ms' };
  }
}
