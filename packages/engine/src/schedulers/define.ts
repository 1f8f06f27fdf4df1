// What a scheduler's definition holds: options of a job spec and a pure function from the number of epochs (or steps) done
// to a learning rate. One file a scheduler; the list is in index.ts. Nothing here remembers anything: a scheduler that
// follows a metric gets its state and returns the next one, as plain JSON that a checkpoint can hold.
import { type Construction, changed, construct } from '../construction.ts';
import { z } from 'zod';
import { type AnyOptions, type Definition, type Filled, type TypedSchema, typedSchema } from '../registry.ts';

/** What a scheduler counts. */
export const interval = z.enum(['epoch', 'step']).default('epoch').describe('What is counted: epochs, or single steps');

/** What schedulers may depend on beside their options; known before anything is trained. */
export interface RunOutline {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly hasTestData: boolean;
  readonly hasClasses: boolean;
  /** The optimizer has a momentum, or a beta in its place. */
  readonly takesMomentum: boolean;
}

/** An option that does not fit the run, and why. */
export interface RunConflict {
  readonly field: string;
  readonly message: string;
}

/** All that a scheduler that follows a metric remembers. */
export interface PlateauState {
  readonly rate: number;
  /** null before the first value. */
  readonly best: number | null;
  readonly badEpochs: number;
  readonly cooldown: number;
}

/** Numbers of an epoch that a scheduler can follow. */
export const followedMetrics = ['trainLoss', 'testLoss', 'testAccuracy'] as const;
export type FollowedMetric = (typeof followedMetrics)[number];

/** Without arguments: any scheduler, whose options are known to fit because its schema parsed them. */
export interface SchedulerDefinition<Schema extends z.ZodObject = z.ZodObject, Options = AnyOptions> extends Definition<Schema> {
  /**
   * @param base the optimizer's learning rate.
   * @param index epochs (or steps) done; 0 in the first.
   */
  rate(options: Options, base: number, index: number): number;
  /** The optimizer's momentum (or beta1) at that index; null where the scheduler leaves it alone. */
  momentum(options: Options, index: number): number | null;
  /** The metric that it follows; null for none. One that follows a metric has a state, whose rate counts instead. */
  metric(options: Options): FollowedMetric | null;
  /** The state after an epoch that ended with this value of the metric. */
  observe(options: Options, state: PlateauState, value: number): PlateauState;
  /** Options that were left out because they follow from the run. */
  complete(options: Options, run: RunOutline): Partial<Options>;
  conflict(options: Options, run: RunOutline): RunConflict | null;
  /** The scheduler in PyTorch, but for its optimizer. */
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

/** A scheduler's line in PyTorch: when it is stepped, and with which metric, is the loop's business. */
export function constructScheduler(name: string, fields: z.ZodRawShape, options: AnyOptions): Construction {
  return construct(name, [], changed(fields, { ...options, interval: undefined, metric: undefined }));
}
