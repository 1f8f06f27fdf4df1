// Our side of the workloads, ready to be run a slice at a time. It decides nothing about when.
import {
  backend,
  CrossEntropyLoss,
  Generator,
  inArena,
  indices,
  manualSeed,
  MSELoss,
  optim,
  randn,
  type Sequential,
  Tensor,
  train,
} from '@trainyard/engine';
import { buildModel, checkSpec, layerSchema, type LayerInput } from '@trainyard/engine/spec';
import { NodeDatasetFiles, openLoader } from '@trainyard/engine/node';
import { epochSamples, lenet, type Row, vgg } from './workloads.ts';

/** Runs some steps: how many, and how many ms they took. */
export type Run = () => Promise<{ readonly steps: number; readonly ms: number }>;

/** @param datasets a folder with `mnist`, or null for the engine's own drawn digits. */
export function runsOf({ workload, batch }: Pick<Row, 'workload' | 'batch'>, datasets: string | null): Run {
  if (workload === 'mnist_epoch') return epochs(batch, datasets);
  return steps(workload === 'lenet' ? lenetStep(batch) : vggStep(vgg(), batch, 32));
}

function lenetStep(batch: number): () => void {
  manualSeed(0);
  const model = build(lenet(0), [1, 32, 32]);
  const [inputs, targets] = [randn([batch, 1, 32, 32]), randn([batch, 10])].map(persistent);
  const criterion = new MSELoss();
  const optimizer = new optim.SGD(model.parameters(), { learningRate: 0.01 });
  return () => update(optimizer, () => criterion.forward(model.forward(inputs), targets));
}

/** A step of a network in the manner of VGG on square images of three channels. */
export function vggStep(layers: readonly LayerInput[], batch: number, side: number): () => void {
  manualSeed(0);
  const model = build(layers, [3, side, side]);
  const inputs = persistent(randn([batch, 3, side, side]));
  const targets = indices(
    Int32Array.from({ length: batch }, (_, i) => (i * 7) % 10),
    [batch],
  );
  const criterion = new CrossEntropyLoss();
  const optimizer = new optim.SGD(model.parameters(), { learningRate: 0.01, momentum: 0.9 });
  return () => update(optimizer, () => criterion.forward(model.forward(inputs), targets));
}

const build = (layers: readonly LayerInput[], inputShape: readonly number[]): Sequential =>
  buildModel(
    layers.map((layer) => layerSchema.parse(layer)),
    inputShape,
    new Generator(0),
  );

/** The same values in memory that kernels read without a copy. */
function persistent(tensor: Tensor): Tensor {
  const storage = backend().allocatePersistent(tensor.size);
  storage.set(tensor.values);
  return Tensor.persistent(storage, tensor.shape);
}

function update(optimizer: optim.Optimizer, loss: () => Tensor): void {
  inArena(() => {
    optimizer.zeroGrad();
    loss().backward();
    optimizer.step();
  });
}

/** So many steps at a time that looking at the clock costs nothing. */
export function steps(step: () => void): Run {
  let batch = 1;
  return () => {
    const start = performance.now();
    for (let i = 0; i < batch; i++) step();
    const ms = performance.now() - start;
    const taken = { steps: batch, ms };
    if (ms < 5) batch *= 2;
    return Promise.resolve(taken);
  };
}

/** One epoch of `train()` at a time, from its first draw to its last step: shuffling, loading, events and all, but no evaluation. */
function epochs(batchSize: number, datasets: string | null): Run {
  const { spec } = checkSpec({
    seed: 0,
    data: { dataset: datasets === null ? 'digits' : 'mnist', trainLimit: epochSamples, testLimit: 1, batchSize },
    model: { layers: lenet(2) },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9 },
    epochs: 10_000,
  });
  const events = train(spec, { files: new NodeDatasetFiles({ folders: datasets === null ? [] : [datasets], home: '' }), openLoader });
  const untilPhase = async (phase: string): Promise<void> => {
    for (;;) {
      const { value, done } = await events.next();
      if (done === true) throw new Error('the training ended before the benchmark did');
      if (value.type === 'phase' && value.phase === phase) return;
    }
  };
  return async () => {
    await untilPhase('training');
    const start = performance.now();
    await untilPhase('evaluating');
    return { steps: Math.ceil(epochSamples / batchSize), ms: performance.now() - start };
  };
}
