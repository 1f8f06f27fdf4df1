// What the service adds to a training of about half a minute: the job from POST to its end, over the same spec trained by the
// bare engine in a process of its own.
import { checkSpec } from '@trainyard/engine/spec';
import type { Figure } from '../figure.ts';
import { ended, elsewhere, type Rig, submit } from './rig.ts';

/** A LeNet on digits, but for its epochs. */
export const engineJob = {
  seed: 0,
  data: { dataset: 'digits', batchSize: 64 },
  model: {
    layers: [
      { type: 'conv2d', outChannels: 6, kernelSize: 5, padding: 2 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'conv2d', outChannels: 16, kernelSize: 5 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 120 },
      { type: 'relu' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.01, momentum: 0.9 },
};

export async function* overEngine(rig: Rig): AsyncGenerator<Figure> {
  const bare = async (epochs: number) =>
    (await elsewhere<{ seconds: number }>('./bareEngine.ts', [JSON.stringify(checkSpec({ ...engineJob, epochs }).spec)])).seconds;
  const few = await bare(2);
  const epochs = Math.max(2, Math.round((30 / few) * 2));
  await rig.startWorker();
  const engine = await bare(epochs);
  const start = performance.now();
  await ended(rig.url, await submit(rig.url, { ...engineJob, epochs }));
  const service = (performance.now() - start) / 1_000;
  yield { metric: 'bareEngineSeconds', value: engine, unit: 's' };
  yield { metric: 'serviceSeconds', value: service, unit: 's' };
  yield { metric: 'serviceOverEngine', value: service / engine, unit: 'ratio' };
}
