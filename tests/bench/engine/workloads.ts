// What is measured against PyTorch: networks, batches, threads, and the ratio that is aimed at. `peer.py` says the same of
// the other side. Nothing is run here.
import { type LayerInput, type LayerSummary, inferShapes, layerSchema } from '@trainyard/engine/spec';

export const workloadNames = ['lenet', 'mnist_epoch', 'cifar_vgg'] as const;
export type WorkloadName = (typeof workloadNames)[number];

/** One line of the table. */
export interface Row {
  readonly workload: WorkloadName;
  readonly batch: number;
  readonly threads: number;
  /** Our time over PyTorch's, at most. */
  readonly target: number;
}

const each = (workload: WorkloadName, batches: readonly number[], threads: readonly number[], target: number): Row[] =>
  batches.flatMap((batch) => threads.map((count) => ({ workload, batch, threads: count, target })));

export const rows: readonly Row[] = [
  ...each('lenet', [1], [1], 0.15),
  ...each('lenet', [16, 64, 256], [1, 2], 0.45),
  ...each('mnist_epoch', [64], [1, 2], 0.5),
  ...each('cifar_vgg', [1], [1], 0.9),
  ...each('cifar_vgg', [32, 128], [1, 2], 0.7),
];

/** Samples in an epoch of mnist_epoch. */
export const epochSamples = 10_000;

/** The tutorial's network; 28×28 images need a padding of 2. */
export const lenet = (padding: number): LayerInput[] => [
  { type: 'conv2d', outChannels: 6, kernelSize: 5, padding },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'conv2d', outChannels: 16, kernelSize: 5 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
  { type: 'flatten' },
  { type: 'linear', outFeatures: 120 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 84 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 10 },
];

const block = (channels: number): LayerInput[] => [
  { type: 'conv2d', outChannels: channels, kernelSize: 3, padding: 1 },
  { type: 'relu' },
  { type: 'conv2d', outChannels: channels, kernelSize: 3, padding: 1 },
  { type: 'relu' },
  { type: 'maxPool2d', kernelSize: 2 },
];

/** Two blocks of two 3×3 convolutions, or as many blocks as `channels` has numbers. */
export const vgg = (channels: readonly number[] = [32, 64]): LayerInput[] => [
  ...channels.flatMap(block),
  { type: 'flatten' },
  { type: 'linear', outFeatures: 128 },
  { type: 'relu' },
  { type: 'linear', outFeatures: 10 },
];

/** The layers with their shapes and costs. @throws ShapeError where they do not fit. */
export function summarized(layers: readonly LayerInput[], inputShape: readonly number[]): readonly LayerSummary[] {
  const inferred = inferShapes(
    layers.map((layer) => layerSchema.parse(layer)),
    inputShape,
  );
  if (!inferred.ok) throw inferred.error;
  return inferred.layers;
}

/** Multiply-adds of one sample's forward pass. */
export function multiplyAdds({ workload }: Row): number {
  const [layers, shape] =
    workload === 'cifar_vgg' ? [vgg(), [3, 32, 32]] : workload === 'lenet' ? [lenet(0), [1, 32, 32]] : [lenet(2), [1, 28, 28]];
  return summarized(layers, shape).reduce((sum, layer) => sum + layer.multiplyAdds, 0);
}
