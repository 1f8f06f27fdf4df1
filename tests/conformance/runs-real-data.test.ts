// Whole jobs on real data, from the seed and the data's files to the curve, against runs_real_data.json. They need MNIST
// and CIFAR-10 in TRAINYARD_DATASETS; without it their names are listed.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setBackend, train, WasmBackend } from '@trainyard/engine';
import { checkSpec, type EpochMetrics } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { beforeAll, describe, expect, test } from 'vitest';
import { readConformance } from './conformanceDir.ts';

interface Run {
  readonly run: string;
  /** Losses of the first steps of epoch 1. */
  readonly first_steps: readonly number[];
  readonly epochs: readonly {
    readonly train_loss: number;
    readonly test_loss: number;
    readonly test_accuracy: number;
    readonly lr: number;
  }[];
  readonly job: { readonly data: { readonly dataset: string } };
}

const runs = readConformance<Run[]>('runs_real_data.json');
const folder = process.env['TRAINYARD_DATASETS'];
if (folder === undefined) {
  console.warn(`runs_real_data.json: not run without TRAINYARD_DATASETS: ${runs.map(({ run }) => run).join(', ')}`);
}

/** PyTorch's own runs with other thread counts drift apart this much: the first 20 steps, epoch losses, accuracies. */
const tolerancesOf = (dataset: string) =>
  dataset === 'cifar10' ? { steps: [12, 20], relative: [1e-4, 5e-3], absolute: 0 } : { steps: [20], relative: [1e-5], absolute: 1e-6 };

test.each(runs)('$run is a job that the engine takes', ({ job }) => {
  const { spec } = checkSpec(job);
  expect(checkSpec(spec).spec).toEqual(spec);
});

describe.each(folder === undefined ? [] : runs)('$run', (run) => {
  const steps: number[] = [];
  const epochs: EpochMetrics[] = [];

  beforeAll(async () => {
    setBackend(new WasmBackend());
    const spec = checkSpec(run.job).spec;
    const files = new NodeDatasetFiles({ folders: [folder ?? ''], home: join(tmpdir(), 'trainyard-conformance') });
    for await (const event of train(spec, { files, stepEventMs: 0 })) {
      if (event.type === 'step' && event.epoch === 1 && event.loss !== null) steps.push(event.loss);
      if (event.type === 'epoch') epochs.push(event);
    }
  });

  test('follows the losses of the first steps', () => {
    const { steps: ends, relative, absolute } = tolerancesOf(run.job.data.dataset);
    run.first_steps.slice(0, ends.at(-1)).forEach((expected, i) => {
      const tolerance = absolute + relative[ends.findIndex((end) => i < end)] * Math.abs(expected);
      expect(Math.abs(steps[i] - expected), `step ${i + 1}: ${steps[i]} against ${expected}`).toBeLessThanOrEqual(tolerance);
    });
  });

  test('comes to the same epochs: losses within 3 %, accuracies within 1.5 points, learning rates exactly', ({ task }) => {
    expect(epochs).toHaveLength(run.epochs.length);
    run.epochs.forEach((expected, i) => {
      const { trainLoss, testLoss, testAccuracy, learningRate } = epochs[i];
      task.meta.deviation = Math.max(
        task.meta.deviation ?? 0,
        Math.abs((trainLoss ?? NaN) / expected.train_loss - 1),
        Math.abs((testLoss ?? NaN) / expected.test_loss - 1),
      );
      expect(learningRate).toBeCloseTo(expected.lr, 12);
      expect(Math.abs((trainLoss ?? NaN) / expected.train_loss - 1), `train loss ${trainLoss} of epoch ${i + 1}`).toBeLessThanOrEqual(0.03);
      expect(Math.abs((testLoss ?? NaN) / expected.test_loss - 1), `test loss ${testLoss} of epoch ${i + 1}`).toBeLessThanOrEqual(0.03);
      expect(Math.abs((testAccuracy ?? NaN) - expected.test_accuracy), `accuracy of epoch ${i + 1}`).toBeLessThanOrEqual(0.015);
    });
  });
});
