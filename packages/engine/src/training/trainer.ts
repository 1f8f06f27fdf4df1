// The training loop: a spec and its data become a stream of events and, at the end, weights. It knows no
// HTTP, no Redis and no files; whoever consumes it decides what happens to an event. Draws follow PyTorch:
// manual_seed, the layers in order, then each epoch what a DataLoader draws.
import { backend } from '../backend/current.ts';
import type { Dataset } from '../data/dataset.ts';
import { findDataset } from '../data/datasets/index.ts';
import type { LoadProgress } from '../data/files.ts';
import { type BatchLoader, batchCount, InlineLoader } from '../data/loader.ts';
import { epochOrder, Generator } from '../random.ts';
import { type Rates, Schedule } from '../schedulers/schedule.ts';
import { engineVersion } from '../version.ts';
import { Clock } from './clock.ts';
import { describeDivergence, divergenceError, firstNonFiniteParameter } from './divergence.ts';
import { describeStop, EarlyStopping, type StoppedEarly } from './earlyStopping.ts';
import type { TrainingEvent, TrainingResult, TrainOptions } from './events.ts';
import { Learner } from './learner.ts';
import { countCorrect, type Divergence, type EpochMetrics, finiteOnly, finiteOrNull, WeightedMean } from './metrics.ts';
import type { JobSpec } from './spec.ts';
import { encodeWeights, loadWeights } from './weights.ts';

/** Evaluation changes nothing but its own speed by its batch size. */
export const EVALUATION_BATCH = 256;

/**
 * Trains a checked spec and yields what happens.
 * @throws TrainingError `nonFinite` when a number is no longer finite (unless the spec says to go on), EngineError when data cannot be
 *   had, `signal.reason` when aborted.
 */
export async function* train(spec: JobSpec, options: TrainOptions): AsyncGenerator<TrainingEvent, TrainingResult, void> {
  const started = performance.now();
  const run = new Run(spec, options);
  try {
    yield* run.load();
    yield* run.epochs();
    yield { type: 'phase', phase: 'saving' };
    return await run.result((performance.now() - started) / 1000);
  } finally {
    await run.close();
  }
}

/** One run's state: what a checkpoint would have to hold. */
class Run {
  readonly #spec: JobSpec;
  readonly #options: TrainOptions;
  readonly #generator: Generator;
  readonly #learner: Learner;
  readonly #schedule: Schedule;
  readonly #clock: Clock;
  readonly #stopping: EarlyStopping | null;
  #trainData: Dataset | null = null;
  #trainLoader: BatchLoader | null = null;
  #testData: Dataset | null = null;
  #testLoader: BatchLoader | null = null;
  #globalStep = 0;
  #last: EpochMetrics | null = null;
  #bestTestLoss: number | null = null;
  #stoppedEarly: StoppedEarly | null = null;
  #divergence: Divergence | null = null;

  constructor(spec: JobSpec, options: TrainOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#generator = new Generator(spec.seed);
    this.#learner = new Learner(spec, this.#generator);
    if (options.initialWeights !== undefined) loadWeights(this.#learner.model, options.initialWeights);
    this.#schedule = new Schedule(spec.scheduler, spec.optimizer.learningRate);
    this.#clock = new Clock(options);
    this.#stopping = spec.earlyStopping === undefined ? null : new EarlyStopping(spec.earlyStopping);
  }

  async *load(): AsyncGenerator<TrainingEvent, void, void> {
    yield { type: 'phase', phase: 'loadingData' };
    const { data } = this.#spec;
    const { files, signal, openLoader = openInline } = this.#options;
    const { train, test } = yield* reportingProgress((onProgress) =>
      findDataset(data.dataset).load(data, { files, generator: this.#generator, onProgress, ...(signal && { signal }) }),
    );
    signal?.throwIfAborted();
    this.#trainData = train;
    const { batchSize, dropLast, transforms } = data;
    this.#trainLoader = openLoader(train, { batchSize, dropLast, transforms, augmentationSeed: this.#spec.seed });
    if (test !== null) {
      this.#testData = test;
      this.#testLoader = openLoader(test, { batchSize: EVALUATION_BATCH, dropLast: false, transforms });
    }
  }

  /** All epochs, or as many as early stopping wants. */
  async *epochs(): AsyncGenerator<TrainingEvent, void, void> {
    for (let epoch = 1; epoch <= this.#spec.epochs && this.#stoppedEarly === null; epoch++) yield* this.#epoch(epoch);
    if (this.#divergence !== null) return;
    const tensor = firstNonFiniteParameter(this.#learner.model);
    if (tensor !== null && this.#last !== null) {
      const { epoch } = this.#last;
      yield* this.#diverged({ epoch, step: this.#stepsPerEpoch, ...tensor }, this.#learner.optimizer.learningRate);
    }
  }

  async *#epoch(epoch: number): AsyncGenerator<TrainingEvent, void, void> {
    if (this.#trainData === null || this.#trainLoader === null) throw new TypeError('load() comes before epochs()');
    yield { type: 'phase', phase: 'training' };
    const stepsPerEpoch = this.#stepsPerEpoch;
    const order = epochOrder(this.#generator, this.#trainData.length, this.#spec.data.shuffle);
    const meanLoss = new WeightedMean();
    const { learningRate } = this.#rates(epoch);
    let trained = 0;
    let step = 0;
    let gradientNorm = NaN;
    let waited = 0;
    const begin = performance.now();
    for (const batch of this.#trainLoader.epoch(order, epoch)) {
      step += 1;
      const rates = this.#rates(epoch);
      this.#setRates(rates);
      const outcome = this.#learner.step(batch, { measureNorm: step === stepsPerEpoch, diagnose: this.#divergence === null });
      this.#globalStep += 1;
      if (outcome.nonFinite !== null) yield* this.#diverged({ epoch, step, ...outcome.nonFinite }, rates.learningRate);
      gradientNorm = outcome.gradientNorm ?? gradientNorm;
      meanLoss.add(outcome.loss, batch.size);
      trained += batch.size;
      // What consumers do with an event is not training time.
      const pause = performance.now();
      if (this.#clock.stepEventDue()) yield { type: 'step', epoch, step, stepsPerEpoch, loss: finiteOrNull(outcome.loss) };
      await this.#clock.breathe();
      waited += performance.now() - pause;
    }
    const seconds = (performance.now() - begin - waited) / 1000;
    const measured = { trainLoss: meanLoss.value, ...(yield* this.#evaluate()), gradientNorm };
    this.#schedule.observe(measured);
    const metrics: EpochMetrics = {
      epoch,
      ...finiteOnly(measured),
      learningRate,
      seconds,
      samplesPerSecond: trained / seconds,
    };
    yield* this.#conclude(metrics);
  }

  async *#conclude(metrics: EpochMetrics): AsyncGenerator<TrainingEvent, void, void> {
    this.#last = metrics;
    if (metrics.testLoss !== null) this.#bestTestLoss = Math.min(this.#bestTestLoss ?? Infinity, metrics.testLoss);
    yield { type: 'epoch', epochs: this.#spec.epochs, ...metrics };
    if (this.#stopping?.ends(metrics) === true && metrics.epoch < this.#spec.epochs) {
      this.#stoppedEarly = this.#stopping.summary(metrics.epoch);
      yield { type: 'log', level: 'info', message: describeStop(this.#stoppedEarly) };
    }
  }

  /** @throws TrainingError unless the spec says to go on. */
  async *#diverged(divergence: Divergence, learningRate: number): AsyncGenerator<TrainingEvent, void, void> {
    if (this.#spec.onNonFinite === 'fail') throw divergenceError(divergence, learningRate);
    this.#divergence = divergence;
    yield { type: 'log', level: 'warn', message: describeDivergence(divergence, learningRate) };
  }

  async *#evaluate(): AsyncGenerator<TrainingEvent, { testLoss: number | null; testAccuracy: number | null }, void> {
    const { model } = this.#learner;
    if (this.#testData === null || this.#testLoader === null) return { testLoss: null, testAccuracy: null };
    yield { type: 'phase', phase: 'evaluating' };
    model.eval();
    const meanLoss = new WeightedMean();
    let correct = 0;
    const classes = this.#testData.target.kind === 'class' ? this.#testData.target.classes.length : null;
    for (const batch of this.#testLoader.epoch(inOrder(this.#testData.length))) {
      this.#learner.evaluate(batch, (output, loss) => {
        meanLoss.add(loss, batch.size);
        if (classes !== null) correct += countCorrect(output.values, batch.targets, classes);
      });
      await this.#clock.breathe();
    }
    model.train();
    return { testLoss: meanLoss.value, testAccuracy: classes === null ? null : correct / this.#testData.length };
  }

  get #stepsPerEpoch(): number {
    return batchCount(this.#trainData?.length ?? 0, this.#spec.data);
  }

  #rates(epoch: number): Rates {
    return this.#schedule.after(epoch - 1, this.#globalStep);
  }

  #setRates({ learningRate, momentum }: Rates): void {
    this.#learner.optimizer.learningRate = learningRate;
    if (momentum !== null) this.#learner.optimizer.momentum = momentum;
  }

  async result(seconds: number): Promise<TrainingResult> {
    const { model } = this.#learner;
    const file = encodeWeights(model);
    return {
      weights: file.bytes,
      result: {
        finalTrainLoss: this.#last?.trainLoss ?? null,
        bestTestLoss: this.#bestTestLoss,
        testAccuracy: this.#last?.testAccuracy ?? null,
        parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
        weightsSha256: await sha256(file.tensorBytes),
        engineVersion,
        peakMemoryBytes: backend().memoryUse().peakBytes + bytesOf(this.#trainData) + bytesOf(this.#testData),
        seconds,
        ...(this.#stoppedEarly !== null && { stoppedEarly: this.#stoppedEarly }),
        ...(this.#divergence !== null && { divergence: this.#divergence }),
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#trainLoader?.close(), this.#testLoader?.close()]);
  }
}

const openInline: NonNullable<TrainOptions['openLoader']> = (dataset, options) => new InlineLoader(dataset, options);

/** Runs `load` and yields its progress while it works; reports that come while one is being consumed are dropped. */
async function* reportingProgress<T>(
  load: (onProgress: (progress: LoadProgress) => void) => Promise<T>,
): AsyncGenerator<TrainingEvent, T, void> {
  let report = Promise.withResolvers<LoadProgress>();
  const loaded = load((progress) => report.resolve(progress));
  const ended = loaded.then(() => null);
  for (;;) {
    const progress = await Promise.race([ended, report.promise]);
    if (progress === null) return await loaded;
    report = Promise.withResolvers();
    yield { type: 'progress', ...progress };
  }
}

function inOrder(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i);
}

function bytesOf(dataset: Dataset | null): number {
  return dataset === null ? 0 : dataset.inputs.byteLength + dataset.targets.byteLength;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
