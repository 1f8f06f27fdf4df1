// `npm run load -- [--seed N] [--seconds N] [--clients N]`: runs several API processes and workers on one Redis. Clients use the whole API
// and send each request to a random process. It exits with 0 if the final state has no fault. The last line is a summary.
import { quantile } from '../bench/figure.ts';
import { Client } from './client.ts';
import { crowd } from './crowd.ts';
import { Draws } from './draws.ts';
import { Fleet } from './fleet.ts';
import { checkJobs, checkLeftovers, checkStreams, drain } from './invariants.ts';
import * as jobActs from './jobActs.ts';
import { Ledger } from './ledger.ts';
import { growths, megabytes } from './memory.ts';
import { type LoadOptions, readOptions } from './options.ts';
import * as otherActs from './otherActs.ts';

const apis = 3;
const workers = 2;

/** The actions to draw from. Frequent actions are listed several times. */
const lots: readonly ((client: Client) => Promise<void>)[] = [
  ...Array.from({ length: 4 }, () => jobActs.postSeveral),
  ...Array.from({ length: 3 }, () => jobActs.postTwice),
  ...Array.from({ length: 4 }, () => jobActs.postAndFollow),
  ...Array.from({ length: 2 }, () => otherActs.list),
  ...Array.from({ length: 2 }, () => jobActs.predict),
  ...Object.values({ ...jobActs, ...otherActs }).filter((act) => act !== otherActs.readList),
] as readonly ((client: Client) => Promise<void>)[];

async function load(options: LoadOptions): Promise<boolean> {
  const { seed, seconds, clients } = options;
  console.log(`load: seed ${seed}`);
  const ledger = new Ledger();
  const fleet = await Fleet.start({ apis, workers });
  try {
    const clientOf = (index: number): Client => new Client({ name: `c${index}`, urls: fleet.urls, draws: new Draws(seed, index), ledger });
    const observer = clientOf(0);
    const working = Array.from({ length: clients }, (_, index) => clientOf(index + 1));
    const began = performance.now();
    await work(working, seconds / 3);
    // Measured when no request is running, because a full garbage collection blocks a process.
    const before = await fleet.liveHeaps();
    await work(working, (seconds * 2) / 3);
    const tookSeconds = (performance.now() - began) / 1_000;
    const crowded = await crowd(observer, fleet, options.crowd);
    const requests = [...ledger.latencies.values()].reduce((sum, some) => sum + some.length, 0);
    await drain(observer);
    const jobs = await checkJobs(observer);
    const epochs = await checkStreams(observer, jobs);
    await checkLeftovers(observer, fleet, jobs);
    const after = await fleet.liveHeaps();
    for (const fault of [...growths(before, after), ...(await fleet.stop())]) ledger.violated(fault);

    tellLatencies(ledger);
    console.log(
      `  ${crowded.readers} readers and ${crowded.silent} clients that never read: all readers were back ${ms(crowded.allBackMs)} after a restart, ` +
        `${crowded.returns} reconnections, GET /health/live p50 ${ms(crowded.live.p50)} p99 ${ms(crowded.live.p99)} max ${ms(crowded.live.max)} meanwhile`,
    );
    const ends = Map.groupBy(jobs, ({ status }) => status);
    const count = (status: 'succeeded' | 'failed' | 'cancelled'): string => `${ends.get(status)?.length ?? 0} ${status}`;
    const reconnections = ledger.streams.reduce((sum, { connections }) => sum + connections - 1, 0);
    const posts = ledger.latencies.get('POST /jobs') ?? [Number.NaN];
    for (const [what, times] of ledger.violations) console.log(`  BROKEN: ${what}${times > 1 ? ` (${times} times)` : ''}`);
    console.log(
      `load: seed ${seed}, ${clients} clients, ${apis} APIs, ${workers} workers, ${Math.round(tookSeconds)} s: ` +
        `${requests} requests (${Math.round(requests / tookSeconds)}/s), POST /jobs p50 ${ms(quantile(posts, 0.5))} p99 ${ms(quantile(posts, 0.99))}, ` +
        `${jobs.length} jobs (${count('succeeded')}, ${count('failed')}, ${count('cancelled')}), ${epochs} epochs, ` +
        `${ledger.streams.length} readers that reconnected ${reconnections} times, ` +
        `APIs hold ${before.map(megabytes).join(', ')} → ${after.map(megabytes).join(', ')} MB: ` +
        (ledger.violations.size === 0 ? 'everything intact' : 'BROKEN'),
    );
    return ledger.violations.size === 0;
  } finally {
    await fleet.close();
  }
}

/** Runs the actions of all clients for the given time. The last actions are finished. */
async function work(clients: readonly Client[], seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  const working = clients.map(async (client) => {
    while (performance.now() < end) {
      const act = client.draws.oneOf(lots);
      await act(client).catch((error: unknown) => client.ledger.violated(`${act.name} broke off: ${String(error)}`));
    }
  });
  await Promise.all(working);
}

function tellLatencies({ latencies }: Ledger): void {
  for (const [operation, some] of [...latencies].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const [median, late] = [quantile(some, 0.5), quantile(some, 0.99)];
    console.log(`  ${operation.padEnd(28)}${String(some.length).padStart(8)}  p50 ${ms(median).padStart(9)}  p99 ${ms(late).padStart(9)}`);
  }
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;

try {
  process.exitCode = (await load(readOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
