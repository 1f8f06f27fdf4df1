// The training loop: trains a spec on its data, yields events and returns the weights. The consumer decides what happens to an event.
// Random numbers are drawn in PyTorch's order: manual_seed, the layers in their order, then for each epoch the draws of a DataLoader. A
// checkpoint contains the whole state of a run.
import { backend } from '../backend/current.ts';
import { bytesOf, type Dataset, type TargetArray } from '../data/dataset.ts';
import { findDataset } from '../data/datasets/index.ts';
import { samplingOf } from '../data/sampling.ts';
import { type BatchLoader, batchCount, InlineLoader, inOrder } from '../data/loader.ts';
import { fitTransforms } from '../data/transforms/fit.ts';
import { isBalanced } from '../losses/classWeights.ts';
import { findLoss } from '../losses/index.ts';
import { torchvisionNames } from '../nn/presets/index.ts';
import { Generator } from '../random.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, positionOf, type RunState } from './checkpoint.ts';
import { checkCall } from './checkCall.ts';
import { Clock, Stopwatch } from './clock.ts';
import { sha256 } from './digest.ts';
import { describeDivergence, divergenceError, firstNonFiniteParameter } from './divergence.ts';
import { describeStop, EarlyStopping, type StoppedEarly } from './earlyStopping.ts';
import { CurrentEpoch } from './currentEpoch.ts';
import { tallyFor } from './evaluation.ts';
import { frozenParameters } from './gradients.ts';
import { GroupSchedules } from './groupSchedules.ts';
import { isInspected } from './inspectedEpochs.ts';
import { stepEvent, type TrainingEvent, type TrainingResult, type TrainOptions } from './events.ts';
import { Learner } from './learner.ts';
import { reportingProgress } from './loadingProgress.ts';
import { type Divergence, type EpochMetrics, lostLosses, WeightedMean } from './metrics.ts';
import type { Note } from './fitNotes.ts';
import type { TestMetrics } from './metricDefinitions.ts';
import { finiteFields } from './nonFinite.ts';
import { restoreCheckpoint } from './resume.ts';
import type { JobSpec } from './jobSpec.ts';
import { statisticsMetadata } from './statisticsMetadata.ts';
import { checkFiniteWeights, encodeWeights, loadNotedWeights } from './weights.ts';

/** The batch size of evaluations. It changes only their speed. */
export const EVALUATION_BATCH = 256;

/**
 * Trains a checked spec and yields events.
 * @throws TrainingError `nonFinite` if a number is no longer finite and the spec's `onNonFinite` is `fail`
 * @throws EngineError if the data cannot be loaded
 * @throws WeightsError if `initialWeights` do not fit the network
 * @throws NonFiniteWeightsError if `initialWeights` have a number that is not finite
 * @throws CheckpointError if `resumeFrom` is invalid or does not fit the run
 * @throws the signal's reason if the signal is aborted
 */
export async function* train(spec: JobSpec, options: TrainOptions): AsyncGenerator<TrainingEvent, TrainingResult, void> {
  checkCall(spec, options);
  const run = new Run(spec, options);
  try {
    yield* run.load();
    yield* run.epochs();
    yield { type: 'phase', phase: 'saving' };
    if (options.checkpointDue !== undefined) yield run.checkpoint();
    return await run.result();
  } finally {
    await run.close();
  }
}

/** The state of one run. A checkpoint contains it. */
class Run {
  readonly #spec: JobSpec;
  readonly #options: TrainOptions;
  readonly #generator: Generator;
  readonly #learner: Learner;
  readonly #schedule: GroupSchedules;
  readonly #clock: Clock;
  readonly #stopping: EarlyStopping | null;
  #trainData: Dataset | null = null;
  #trainLoader: BatchLoader | null = null;
  #testData: Dataset | null = null;
  #testLoader: BatchLoader | null = null;
  /** The checkpoint to resume from, or null. It is set to null when the run has resumed, so that its memory can be freed. */
  #checkpoint: Checkpoint | null;
  #watch = new Stopwatch();
  #epochsDone = 0;
  /** The number of completed steps in all epochs. */
  #stepsDone = 0;
  #epoch: CurrentEpoch | null = null;
  #last: EpochMetrics | null = null;
  #bestTestLoss: number | null = null;
  #stoppedEarly: StoppedEarly | null = null;
  #divergence: Divergence | null = null;
  /** Log messages about changes that made the initial weights fit. */
  #notes: readonly Note[] = [];

  constructor(spec: JobSpec, options: TrainOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#watch.start();
    this.#checkpoint = options.resumeFrom === undefined ? null : decodeCheckpoint(options.resumeFrom);
    this.#generator = new Generator(spec.seed);
    this.#learner = new Learner(spec, this.#generator);
    if (options.initialWeights !== undefined && this.#checkpoint === null) {
      const { allowMissing = false } = spec.initialWeights ?? {};
      this.#notes = loadNotedWeights(this.#learner.model, options.initialWeights, { names: torchvisionNames(spec.model), allowMissing });
      checkFiniteWeights(this.#learner.model);
    }
    this.#schedule = new GroupSchedules(spec);
    this.#clock = new Clock(options);
    this.#stopping = spec.earlyStopping === undefined ? null : new EarlyStopping(spec.earlyStopping);
  }

  async *load(): AsyncGenerator<TrainingEvent, void, void> {
    yield { type: 'phase', phase: 'loadingData' };
    for (const note of this.#notes) yield { type: 'log', ...note };
    const { data } = this.#spec;
    const { files, signal, openLoader = openInline } = this.#options;
    const { train, test } = yield* reportingProgress((onProgress) =>
      findDataset(data.dataset).load(data, { files, generator: this.#generator, onProgress, ...(signal && { signal }) }),
    );
    signal?.throwIfAborted();
    this.#trainData = train;
    this.#learner.useData(train);
    const { batchSize, dropLast, transforms } = data;
    const statistics = fitTransforms(train, transforms);
    this.#learner.statistics = statistics;
    this.#trainLoader = openLoader(train, { batchSize, dropLast, transforms, statistics, augmentationSeed: this.#spec.seed });
    if (test !== null) {
      this.#testData = test;
      this.#testLoader = openLoader(test, { batchSize: EVALUATION_BATCH, dropLast: false, transforms, statistics });
    }
    const checkpoint = this.#checkpoint;
    this.#checkpoint = null;
    if (checkpoint !== null) yield* this.#resume(checkpoint);
  }

  /** Continues at the position of the checkpoint. It is called after the data was loaded, because loading may draw random numbers. */
  async *#resume(checkpoint: Checkpoint): AsyncGenerator<TrainingEvent, void, void> {
    const spec = this.#spec;
    const { state, generator } = checkpoint;
    for (const message of restoreCheckpoint(checkpoint, spec, this.#learner)) yield { type: 'log', level: 'info', message };
    const isSameSeed = checkpoint.isOf('seed', spec);
    if (isSameSeed) this.#generator.setState(generator);
    this.#epochsDone = state.epochsDone;
    this.#stepsDone = state.stepsDone;
    if (state.epoch !== null) {
      if (isSameSeed && checkpoint.isOf('data', spec)) this.#epoch = CurrentEpoch.resume(state.epoch);
      else yield { type: 'log', level: 'info', message: `epoch ${state.epochsDone + 1} begins anew: it goes over other data` };
    }
    if (checkpoint.isOf('scheduler', spec)) this.#schedule.load(state);
    if (this.#stopping !== null && state.stopping !== null && checkpoint.isOf('earlyStopping', spec)) {
      this.#stopping.state = state.stopping;
      this.#stoppedEarly = state.stoppedEarly;
    }
    this.#last = state.last;
    this.#bestTestLoss = state.bestTestLoss;
    this.#divergence = state.divergence;
    this.#watch = new Stopwatch(state.seconds + this.#watch.seconds);
    this.#watch.start();
  }

  /** Returns a checkpoint of the current state. */
  checkpoint(): Extract<TrainingEvent, { type: 'checkpoint' }> {
    const state: RunState = {
      epochsDone: this.#epochsDone,
      stepsDone: this.#stepsDone,
      epoch: this.#epoch?.saved() ?? null,
      ...this.#schedule.state(),
      stopping: this.#stopping?.state ?? null,
      last: this.#last,
      bestTestLoss: this.#bestTestLoss,
      stoppedEarly: this.#stoppedEarly,
      divergence: this.#divergence,
      seconds: this.#watch.seconds,
    };
    return { type: 'checkpoint', ...positionOf(state), bytes: encodeCheckpoint(this.#spec, this.#learner, this.#generator, state) };
  }

  #checkpointDue(): boolean {
    const { checkpointDue } = this.#options;
    return checkpointDue !== undefined && checkpointDue({ epoch: this.#epochsDone, step: this.#epoch?.step ?? 0 });
  }

  /** Trains all epochs, or fewer with early stopping. */
  async *epochs(): AsyncGenerator<TrainingEvent, void, void> {
    while (this.#epochsDone < this.#spec.epochs && this.#stoppedEarly === null) yield* this.#trainEpoch(this.#epochsDone + 1);
    if (this.#divergence !== null) return;
    const tensor = firstNonFiniteParameter(this.#learner.model);
    if (tensor !== null && this.#last !== null) {
      const { epoch } = this.#last;
      yield* this.#diverged({ epoch, step: this.#stepsPerEpoch, ...tensor }, null);
    }
  }

  async *#trainEpoch(epoch: number): AsyncGenerator<TrainingEvent, void, void> {
    if (this.#trainData === null || this.#trainLoader === null) throw new TypeError('load() comes before epochs()');
    yield { type: 'phase', phase: 'training' };
    const { data } = this.#spec;
    const stepsPerEpoch = this.#stepsPerEpoch;
    this.#epoch ??= CurrentEpoch.begin(
      this.#generator,
      samplingOf(data),
      this.#trainData,
      this.#schedule.after(epoch - 1, this.#stepsDone).learningRate,
    );
    const current = this.#epoch;
    const { meanLoss, watch } = current;
    const order = current.order(this.#trainData);
    const asked = { measureNorm: false, snapshot: false, diagnose: false };
    watch.start();
    for (const batch of this.#trainLoader.epoch(order, epoch, current.step * data.batchSize)) {
      const step = current.step + 1;
      this.#schedule.apply(this.#learner.optimizer, epoch - 1, this.#stepsDone);
      asked.measureNorm = step === stepsPerEpoch;
      asked.snapshot = step === 1 && this.#isInspected(epoch);
      asked.diagnose = this.#divergence === null;
      const outcome = this.#learner.step(batch, asked);
      current.step = step;
      this.#stepsDone += 1;
      current.gradientNorm = outcome.gradientNorm ?? current.gradientNorm;
      meanLoss.add(outcome.loss, batch.size);
      // The time in which the consumer handles an event is not training time.
      watch.stop();
      if (outcome.gradients !== null) {
        yield { type: 'gradients', epoch, step: 1, parameters: [...outcome.gradients], ...frozenParameters(this.#learner.model) };
      }
      if (outcome.nonFinite !== null) yield* this.#diverged({ epoch, step, ...outcome.nonFinite }, batch.targets);
      if (this.#clock.stepEventDue()) yield stepEvent(epoch, step, stepsPerEpoch, outcome.loss);
      if (this.#checkpointDue()) yield this.checkpoint();
      if (this.#clock.breathDue()) await this.#clock.breathe();
      watch.start();
    }
    watch.stop();
    const { seconds } = watch;
    const measured = { trainLoss: meanLoss.value, ...(yield* this.#evaluate(epoch)), gradientNorm: current.gradientNorm };
    this.#schedule.observe(measured);
    const metrics: EpochMetrics = {
      epoch,
      ...finiteFields({ ...measured, learningRate: current.learningRate }),
      seconds,
      // The measured time of a very short epoch may be 0.
      samplesPerSecond: meanLoss.sums.weight / Math.max(seconds, Number.EPSILON),
    };
    this.#epochsDone = epoch;
    this.#epoch = null;
    yield* this.#conclude(metrics);
    if (this.#checkpointDue()) yield this.checkpoint();
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

  /** Handles a number that is not finite. @throws TrainingError unless the spec's `onNonFinite` is `continue` */
  async *#diverged(divergence: Divergence, targets: TargetArray | null): AsyncGenerator<TrainingEvent, void, void> {
    const context = { spec: { ...this.#spec, loss: this.#learner.loss }, learningRate: this.#schedule.learningRate, targets };
    if (this.#spec.onNonFinite === 'fail') throw divergenceError(divergence, context);
    this.#divergence = divergence;
    yield { type: 'log', level: 'warn', message: describeDivergence(divergence, context) };
  }

  async *#evaluate(epoch: number): AsyncGenerator<TrainingEvent, TestMetrics, void> {
    const { model } = this.#learner;
    if (this.#testData === null || this.#testLoader === null) return { testLoss: null, testAccuracy: null };
    yield { type: 'phase', phase: 'evaluating' };
    model.eval();
    const meanLoss = new WeightedMean();
    const tally = tallyFor(this.#testData.target);
    const { probabilities = (output) => output } = findLoss(this.#spec.loss.type);
    for (const batch of this.#testLoader.epoch(inOrder(this.#testData.length))) {
      this.#learner.evaluate(batch, (output, loss) => {
        meanLoss.add(loss, batch.size);
        tally.add(output, batch.targets, () => probabilities(output));
      });
      if (this.#checkpointDue()) yield this.checkpoint();
      if (this.#clock.breathDue()) await this.#clock.breathe();
    }
    model.train();
    if (this.#isInspected(epoch)) yield { type: 'evaluation', ...tally.summary(epoch) };
    return { testLoss: meanLoss.value, ...tally.metrics };
  }

  #isInspected(epoch: number): boolean {
    return this.#options.inspect !== false && isInspected(epoch, this.#spec.epochs);
  }

  get #stepsPerEpoch(): number {
    return batchCount(this.#trainData?.length ?? 0, this.#spec.data);
  }

  async result(): Promise<TrainingResult> {
    const { model, trained, engineVersion, loss, statistics } = this.#learner;
    const file = encodeWeights(model, engineVersion, statisticsMetadata(statistics));
    return {
      weights: file.bytes,
      result: {
        finalTrainLoss: this.#last?.trainLoss ?? null,
        bestTestLoss: this.#bestTestLoss,
        testAccuracy: this.#last?.testAccuracy ?? null,
        parameters: model.parameters().reduce((sum, { size }) => sum + size, 0),
        trainedParameters: trained.reduce((sum, [, { size }]) => sum + size, 0),
        weightsSha256: await sha256(file.tensorBytes),
        engineVersion,
        peakMemoryBytes: backend().memoryUse().peakBytes + bytesOf(this.#trainData) + bytesOf(this.#testData),
        seconds: this.#watch.seconds,
        ...(isBalanced(this.#spec.loss) && 'weight' in loss && Array.isArray(loss.weight) && { classWeights: loss.weight }),
        ...(this.#stoppedEarly !== null && { stoppedEarly: this.#stoppedEarly }),
        ...(this.#divergence !== null && { divergence: this.#divergence }),
        ...lostLosses(this.#last, this.#bestTestLoss),
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#trainLoader?.close(), this.#testLoader?.close()]);
  }
}

const openInline: NonNullable<TrainOptions['openLoader']> = (dataset, options) => new InlineLoader(dataset, options);
