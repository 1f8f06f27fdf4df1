// The definition of a scheduler: the options of a job spec, and a pure function from the number of finished epochs (or steps) to a learning
// rate. Each scheduler has one file; the list is in index.ts. Definitions have no state: a scheduler that follows a metric gets its state
// and returns the next one, as plain JSON that a checkpoint can store.
import { type Construction, changed, construct } from '../construction.ts';
import { z } from 'zod';
import type { Target } from '../data/dataset.ts';
import type { MetricName } from '../training/metricDefinitions.ts';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../registry.ts';

/** The option `interval` of schedulers. */
export const interval = z.enum(['epoch', 'step']).default('epoch').describe('Whether the scheduler counts epochs or steps');

/** The facts about a run, besides the options, that a scheduler may depend on. They are known before the training. */
export interface RunOutline {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** 0 without a test part. */
  readonly testSamples: number;
  readonly target: Target;
  /** Whether the optimizer has a momentum or a beta that the scheduler can change. */
  readonly takesMomentum: boolean;
}

/** An option that does not fit the run, and the reason. */
export interface RunConflict {
  readonly field: string;
  readonly message: string;
}

/** The state of a scheduler that follows a metric. */
export interface PlateauState {
  readonly rate: number;
  /** The best value so far. Null before the first value. */
  readonly best: number | null;
  readonly badEpochs: number;
  readonly cooldown: number;
}

/** The definition of a scheduler. Without type arguments: of any scheduler, with options that its schema has parsed. */
export interface SchedulerDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /**
   * Returns the learning rate.
   * @param base the learning rate of the optimizer
   * @param index the number of finished epochs (or steps)
   */
  rate(options: Options, base: number, index: number): number;
  /** Returns the momentum (or beta1) of the optimizer; null if the scheduler does not change it. */
  momentum(options: Options, index: number): number | null;
  /**
   * Returns the metric that the scheduler follows; null if it follows none. If it follows one, the learning rate is the `rate` of its
   * state.
   */
  metric(options: Options): MetricName | null;
  /** Returns the state after an epoch with this value of the metric. */
  observe(options: Options, state: PlateauState, value: number): PlateauState;
  /** Returns the values of omitted options that follow from the run. */
  complete(options: Options, run: RunOutline): Partial<Options>;
  conflict(options: Options, run: RunOutline): RunConflict | null;
  /** Returns the constructor call in PyTorch, without the argument for the optimizer. */
  pytorch(options: Options): Construction;
}

type Own<Fields extends z.ZodRawShape> = SchedulerDefinition<z.ZodObject, Filled<Fields>>;

interface SchedulerParts<Type extends string, Fields extends z.ZodRawShape>
  extends Pick<Own<Fields>, 'rate' | 'pytorch'>,
    Partial<Pick<Own<Fields>, 'momentum' | 'observe' | 'metric' | 'complete' | 'conflict'>> {
  readonly type: Type;
  readonly description: string;
  readonly options: Fields & { readonly interval: z.ZodType<'epoch' | 'step'> };
}

/** Defines a scheduler. */
export function defineScheduler<const Type extends string, Fields extends z.ZodRawShape>(
  parts: SchedulerParts<Type, Fields>,
): SchedulerDefinition<TypedSchema<Type, Fields>, Filled<Fields>> {
  const { options, ...definition } = parts;
  return {
    momentum: () => null,
    metric: () => null,
    observe: (_options, state) => state,
    complete: () => ({}),
    conflict: () => null,
    ...definition,
    schema: typedSchema<Type, Fields>(parts.type, parts.description, options),
  };
}

/**
 * Returns the constructor call of a scheduler in PyTorch, without `interval` and `metric`. The script's training loop implements these two.
 */
export function constructScheduler(name: string, fields: z.ZodRawShape, options: AnyOptions): Construction {
  return construct(name, [], changed(fields, { ...options, interval: undefined, metric: undefined }));
}
