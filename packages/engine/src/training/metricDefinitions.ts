// The metrics that a run measures after each epoch: their names, which data has them, and which direction is better. Early stopping,
// schedulers, sweeps and the schema of an epoch take them from here. classMetrics.ts and valueMetrics.ts compute them.
import { z } from 'zod';
import type { Target } from '../data/dataset.ts';

/** From this number of classes on, there is a top-5 accuracy. */
export const TOP5_CLASSES = 10;

/** The facts about the test data that decide which metrics it has. */
interface TestData {
  readonly target: Target;
  /** 0 without a test part. */
  readonly testSamples: number;
}

interface MetricDefinition {
  /** The direction in which the metric gets better. */
  readonly goal: 'minimize' | 'maximize';
  /** Returns whether the metric is defined for this test data. */
  readonly fits: (data: TestData) => boolean;
  /** What the metric needs, for error messages. */
  readonly needs: string;
  readonly description: string;
}

const forClasses = { fits: ({ target }: TestData) => target.kind === 'class', needs: 'classes as targets' };
const forValues = { fits: ({ target }: TestData) => target.kind === 'values', needs: 'values as targets' };

/** The metrics of the test data, by the end of their names. */
const measures = {
  Loss: { goal: 'minimize', fits: () => true, needs: '', description: 'Null without test data.' },
  Accuracy: {
    goal: 'maximize',
    ...forClasses,
    description: 'The share of test samples that are classified correctly, from 0 to 1; null without test data or without classes.',
  },
  F1: {
    goal: 'maximize',
    ...forClasses,
    description:
      'The mean F1 score of the classes (macro), from 0 to 1. Classes that are neither a target nor a prediction are not counted.',
  },
  Top5: {
    goal: 'maximize',
    fits: ({ target }: TestData) => target.kind === 'class' && target.classes.length >= TOP5_CLASSES,
    needs: `at least ${TOP5_CLASSES} classes`,
    description: `The share of test samples whose class has one of the five largest outputs. Of equal outputs, the first is the largest. Only with at least ${TOP5_CLASSES} classes.`,
  },
  Mae: { goal: 'minimize', ...forValues, description: "The mean absolute error of the network's outputs." },
  Rmse: {
    goal: 'minimize',
    ...forValues,
    description: 'The root mean squared error of each output of the network, averaged over the outputs.',
  },
  R2: {
    goal: 'maximize',
    fits: ({ target, testSamples }: TestData) => target.kind === 'values' && testSamples > 1,
    needs: 'values as targets and at least 2 test samples',
    description: 'The coefficient of determination R² of each output of the network, averaged over the outputs. Null for a single sample.',
  },
} as const satisfies Record<string, MetricDefinition>;
type Measure = keyof typeof measures;
const measureNames = Object.keys(measures) as Measure[];

export type TestMetric = `test${Measure}`;
/** The names of the metrics that can be watched, compared and ranked. */
export type MetricName = 'trainLoss' | TestMetric;

const testMetricNames = measureNames.map((measure): TestMetric => `test${measure}`);
export const metricNames: readonly MetricName[] = ['trainLoss', ...testMetricNames];
export const metricName = z.enum(metricNames);

/** The metrics of an epoch over the test data. `testLoss` and `testAccuracy` are always there; the others only if the data has them. */
export type TestMetrics = Readonly<Record<'testLoss' | 'testAccuracy', number | null>> &
  Readonly<Partial<Record<TestMetric, number | null>>>;

/** Metrics by their names, without those that the data does not have. */
export type MetricValues = Readonly<Partial<Record<MetricName, number | null | undefined>>>;

/** The schemas of the metrics of the test data that only some data has. */
export const furtherMetrics = {
  testF1: optional('F1'),
  testTop5: optional('Top5'),
  testMae: optional('Mae'),
  testRmse: optional('Rmse'),
  testR2: optional('R2'),
} as const satisfies Record<Exclude<TestMetric, 'testLoss' | 'testAccuracy'>, z.ZodType>;

/** Returns the description of a metric. */
export function descriptionOf(metric: TestMetric): string {
  return definitionOf(metric).description;
}

/** Returns whether a larger or a smaller value of the metric is better. */
export function goalOf(metric: MetricName): MetricDefinition['goal'] {
  return metric === 'trainLoss' ? 'minimize' : definitionOf(metric).goal;
}

/** Returns why the metric cannot be measured on this data, and which one can be; null if it can be measured. */
export function metricConflict(metric: MetricName, data: TestData): string | null {
  if (metric === 'trainLoss') return null;
  if (data.testSamples === 0) return `the data has no test part to measure "${metric}" on: use "trainLoss"`;
  const { fits, needs } = definitionOf(metric);
  return fits(data) ? null : `"${metric}" needs ${needs}, but the data has ${describe(data)}: use "testLoss"`;
}

function describe({ target, testSamples }: TestData): string {
  return `${target.kind === 'values' ? 'values' : `${target.classes.length} classes`} and ${testSamples} test samples`;
}

function definitionOf(metric: TestMetric): MetricDefinition {
  return measures[metric.slice('test'.length) as Measure];
}

function optional(measure: Measure) {
  return z.number().nullable().optional().describe(measures[measure].description);
}
