// A small training job that needs no data file, and functions that run a job from its spec to its result.
import { type TrainingEvent, type TrainingResult, type TrainOptions, train } from '@trainyard/engine';
import type { DatasetFiles } from '@trainyard/engine/data';
import { checkSpec } from '@trainyard/engine/spec';

const noFile = () => Promise.reject(new Error('no file is read here'));
export const noFiles: DatasetFiles = { find: noFile, read: noFile };

/** Two epochs of seven steps. */
export const digits = {
  seed: 1,
  data: { dataset: 'digits', trainLimit: 200, testLimit: 50, batchSize: 32 },
  model: {
    layers: [
      { type: 'flatten' },
      { type: 'linear', name: 'hidden', outFeatures: 8 },
      { type: 'relu' },
      { type: 'linear', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.1, momentum: 0.9 },
  epochs: 2,
};

export interface FinishedRun extends TrainingResult {
  readonly events: TrainingEvent[];
}

/** Trains to the end. */
export async function run(body: unknown, options: Partial<TrainOptions> = {}): Promise<FinishedRun> {
  const training = train(checkSpec(body).spec, { files: noFiles, ...options });
  const events: TrainingEvent[] = [];
  for (;;) {
    const next = await training.next();
    if (next.done === true) return { events, ...next.value };
    events.push(next.value);
  }
}

type EventOf<T extends TrainingEvent['type']> = Extract<TrainingEvent, { type: T }>;

/** Returns the events of one type, in order. */
export function eventsOf<T extends TrainingEvent['type']>(events: readonly TrainingEvent[], type: T): EventOf<T>[] {
  return events.filter((event): event is EventOf<T> => event.type === type);
}
