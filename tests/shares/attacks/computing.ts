// Attacks with requests that are expensive to handle: predictions, sweeps, bodies full of mistakes, long histories and large files.
import { type Attack, headOf, openSocket, pause, repeat, statusOf, type Target } from './attack.ts';

/** A prediction request with 256 samples of zeros: 950 KB. */
const zeros = JSON.stringify({ inputs: Array.from({ length: 256 }, () => [Array.from({ length: 43 }, () => Array<number>(43).fill(0))]) });

/** Sends a prediction request, and closes the connection 200 ms later. */
async function predictAndLeave(target: Target, signal: AbortSignal): Promise<string> {
  const headers = { 'content-type': 'application/json', 'content-length': String(zeros.length) };
  const path = `/jobs/${target.prepared.deepJobId}/predict?activations=true`;
  const socket = openSocket(target, signal, headOf(target, 'POST', path, headers) + zeros);
  await pause(200, signal);
  socket.destroy();
  return 'left';
}

export const predictions: Attack = {
  name: 'predictions',
  what: 'predictions of 950 KB on a network of 83 layers, by clients that disconnect early and clients that wait',
  run: async (target, signal) => {
    const path = `/jobs/${target.prepared.deepJobId}/predict`;
    const options = { body: zeros, headers: { 'content-type': 'application/json' } };
    await Promise.all([
      repeat(target, signal, 16, async () => await predictAndLeave(target, signal)),
      repeat(target, signal, 16, async () => await statusOf(target, signal, path, options)),
    ]);
  },
};

/** A layer with a JSON text of about 200 bytes. */
const layer = (index: number): object => ({
  type: 'conv2d',
  name: `convolution${index}`.padEnd(64, 'x'),
  outChannels: 1,
  kernelSize: 1,
  stride: 1,
  padding: 0,
  dilation: 1,
  groups: 1,
  bias: true,
});

/** A sweep of 500 jobs whose networks have `layers` convolutions. */
const sweepOf = (layers: number): object => ({
  name: 'attack',
  spec: {
    data: { dataset: 'random', inputShape: [1, 1, 1], targetShape: [1], samples: 1 },
    model: {
      layers: [...Array.from({ length: layers }, (_, index) => layer(index)), { type: 'flatten' }, { type: 'linear', outFeatures: 1 }],
    },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate: 0.01 },
    epochs: 1,
  },
  space: { '/optimizer/learningRate': { type: 'choice', values: Array.from({ length: 500 }, (_, index) => 0.01 / (index + 1)) } },
  strategy: { type: 'grid' },
  maxJobs: 500,
});

/** Sweeps that are far above the limit of bytes, near it, and small. */
const sweepBodies = [990, 100, 10].map((layers) => JSON.stringify(sweepOf(layers)));

export const sweeps: Attack = {
  name: 'sweeps',
  what: 'sweeps of 500 jobs with specs of up to 200 KB, and reads of the created sweeps',
  run: async (target, signal) => {
    const ids: string[] = [];
    const create = async (count: number): Promise<number> => {
      const body = sweepBodies[count % sweepBodies.length] ?? '';
      const options = {
        method: 'POST',
        headers: { authorization: `Bearer ${target.token}`, 'content-type': 'application/json' },
        body,
        signal,
      };
      const response = await fetch(`${target.url}/sweeps`, options);
      await response.body?.cancel();
      const id = /sweep_?\w+$|\w+$/.exec(response.headers.get('location') ?? '')?.[0];
      if (id !== undefined) ids.push(id);
      return response.status;
    };
    const look = async (count: number): Promise<number | string> => {
      if (ids.length === 0) await pause(100, signal);
      return await statusOf(target, signal, count % 2 === 0 ? '/sweeps?limit=100' : `/sweeps/${ids[count % ids.length] ?? 'sweep_none'}`);
    };
    await Promise.all([repeat(target, signal, 2, create), repeat(target, signal, 4, look)]);
  },
};

const unknownKeys = (bytes: number): string => {
  const keys = Array.from({ length: Math.floor(bytes / 13) }, (_, index) => `"k${String(index).padStart(7, '0')}":0`);
  return `{${keys.join(',')}}`;
};

/** Bodies just below 1 MiB. Each is invalid in another way. */
const badBodies = [
  unknownKeys(1_000_000),
  `{"data":${unknownKeys(950_000)}}`,
  `{"model":{"layers":[${Array(100_000).fill('{"a":1}').join(',')}]}}`,
  `{"labels":${unknownKeys(950_000)}}`,
  `[${Array(500_000).fill('0').join(',')}]`,
];

export const bodies: Attack = {
  name: 'bodies',
  what: 'bodies of 1 MB with unknown keys and other mistakes',
  run: async (target, signal) => {
    const paths = ['/jobs', '/sweeps', '/jobs?dryRun=true', `/jobs/${target.prepared.deepJobId}/fork`];
    await repeat(target, signal, 8, async (count) => {
      const options = { body: badBodies[count % badBodies.length] ?? '', headers: { 'content-type': 'application/json' } };
      return await statusOf(target, signal, paths[count % paths.length] ?? '/jobs', options);
    });
  },
};

export const history: Attack = {
  name: 'history',
  what: 'reads of the metrics, files and events of a job with 100,000 epochs',
  run: async (target, signal) => {
    const job = `/jobs/${target.prepared.historyJobId}`;
    const requests: readonly (readonly [string, string])[] = [
      [`${job}/metrics`, 'application/json'],
      [`${job}/metrics`, 'text/csv'],
      [`${job}/artifacts`, 'application/json'],
      [`${job}/artifacts/metrics.csv`, '*/*'],
      [`${job}/events?limit=1000&type=log`, 'application/json'],
      [`${job}/events`, 'text/event-stream'],
    ];
    await repeat(target, signal, 8, async (count) => {
      const [path, accept] = requests[count % requests.length] ?? [job, '*/*'];
      return await statusOf(target, signal, path, { headers: { accept } });
    });
  },
};

export const exports: Attack = {
  name: 'exports',
  what: 'downloads of datasets, models and images, by clients that read and clients that never read',
  run: async (target, signal) => {
    const { datasetId, deepJobId } = target.prepared;
    const paths = [
      `/datasets/${datasetId}/export`,
      '/datasets/digits/export',
      `/datasets/${datasetId}/samples?limit=100`,
      `/jobs/${deepJobId}/artifacts/model.onnx`,
      `/jobs/${deepJobId}/filters`,
      `/jobs/${deepJobId}/artifacts`,
    ];
    for (let index = 0; index < 300; index++) openSocket(target, signal, headOf(target, 'GET', paths[index % 4] ?? ''));
    await repeat(target, signal, 8, async (count) => await statusOf(target, signal, paths[count % paths.length] ?? ''));
  },
};
