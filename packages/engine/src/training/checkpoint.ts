// Encodes and decodes checkpoints. A checkpoint is one safetensors file with the whole state of a run. Weights and buffers have the same
// names as in a file of weights. The names of other tensors begin with a dot, which no layer's name does. Everything else is JSON in the
// metadata.
import { z } from 'zod';
import { canonicalJson } from '../canonicalJson.ts';
import { withSampling } from '../data/sampling.ts';
import { EngineError } from '../errors.ts';
import { decodeSafetensors, type NamedArray, SafetensorsError, writeSafetensors } from '../formats/safetensors.ts';
import type { SavedParameterState } from '../optim/optimizer.ts';
import type { Generator } from '../random.ts';
import { parse } from '../validation.ts';
import { engineVersion } from '../version.ts';
import { earlyStoppingStateSchema, stoppedEarlySchema } from './earlyStopping.ts';
import type { Learner } from './learner.ts';
import { divergenceSchema, epochMetricsSchema } from './metrics.ts';
import { nonFiniteName, nonFiniteOf } from './nonFinite.ts';
import type { JobSpec } from './jobSpec.ts';
import { statisticsMetadata } from './statisticsMetadata.ts';
import { namedWeights } from './weights.ts';

/** The bytes are not a checkpoint, or the checkpoint does not fit the run. */
export class CheckpointError extends EngineError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalidCheckpoint', message, options);
  }
}

/** The version of the format. It changes when older files can no longer be read. */
const FORMAT = '1';

const count = z.int().min(0);
/** A number that may be NaN or infinite. JSON has no such numbers, so their names are stored. */
const float = z.union([z.number(), nonFiniteName.transform((name) => ({ nan: NaN, inf: Infinity, '-inf': -Infinity })[name])]);

/** The number of words in the state of a generator. */
const GENERATOR_WORDS = 624;

/** The state of a generator. */
const generatorSchema = z.strictObject({
  words: z
    .array(count.max(2 ** 32 - 1))
    .length(GENERATOR_WORDS)
    .readonly(),
  position: count.max(GENERATOR_WORDS),
  nextNormal: z.number().nullable(),
});

/** The state of a scheduler that follows a metric. */
const plateauSchema = z.strictObject({ rate: z.number(), best: float.nullable(), badEpochs: count, cooldown: count });

/** The state of a run without its tensors. */
const stateSchema = z.strictObject({
  epochsDone: count,
  /** The number of completed steps in all epochs, including the current epoch. */
  stepsDone: count,
  /** The current epoch. Null between two epochs. */
  epoch: z
    .strictObject({
      step: count,
      /** The seed of the order of samples, as a text because it is too large for a JSON number. Null without shuffling. */
      orderSeed: z.string().regex(/^\d+$/).nullable(),
      /** The state of the run's generator before the draws of a balanced order. Absent for other orders. */
      orderState: generatorSchema.optional(),
      loss: z.strictObject({ sum: float, weight: count }),
      gradientNorm: float,
      learningRate: float,
      seconds: z.number().min(0),
    })
    .nullable(),
  schedule: plateauSchema.nullable(),
  /** The states of the schedules of the optimizer's groups. Absent if there are none. */
  groupSchedules: z.array(plateauSchema).optional(),
  stopping: earlyStoppingStateSchema.nullable(),
  last: epochMetricsSchema.nullable(),
  bestTestLoss: z.number().nullable(),
  stoppedEarly: stoppedEarlySchema.nullable(),
  divergence: divergenceSchema.nullable(),
  /** The time since the loading of the data. */
  seconds: z.number().min(0),
});
export type RunState = z.output<typeof stateSchema>;

const drawsSchema = z.strictObject({ position: count, nextNormal: z.number().nullable() });
const updatesSchema = z.record(z.string(), count);

/** The parts of a spec that a checkpoint stores. They decide which parts of the checkpoint can be used in a run of another spec. */
const relevant = ['seed', 'data', 'optimizer', 'scheduler', 'earlyStopping'] as const satisfies readonly (keyof JobSpec)[];
type Relevant = (typeof relevant)[number];

/** How far a run has come. `epoch` is the number of completed epochs, and `step` the number of completed steps in the next epoch. */
export interface Position {
  readonly epoch: number;
  readonly step: number;
}

export interface Checkpoint {
  /** The engine version that computed the checkpoint: see versionAfter in version.ts. */
  readonly engineVersion: string;
  readonly state: RunState;
  readonly generator: Parameters<Generator['setState']>[0];
  /** Weights and buffers. */
  readonly weights: readonly NamedArray[];
  /** The optimizer's state of each parameter that has been updated, by name. */
  readonly optimizer: ReadonlyMap<string, SavedParameterState>;
  /** Returns whether this part of the spec is the same as in the run that wrote the checkpoint. */
  isOf(part: Relevant, spec: JobSpec): boolean;
}

const RANDOM = '.random';
const OPTIMIZER = '.optimizer.';

/** Encodes the whole state of a run between two steps. */
export function encodeCheckpoint(spec: JobSpec, learner: Learner, generator: Generator, state: RunState): Uint8Array<ArrayBuffer> {
  const { words, ...draws } = generator.getState();
  const names = learner.trained.map(([name]) => name);
  const updates: Record<string, number> = {};
  const tensors: NamedArray[] = [{ name: RANDOM, shape: [words.length], data: BigInt64Array.from(words, BigInt) }];
  for (const [name, { shape, storage }] of namedWeights(learner.model)) {
    tensors.push({ name, shape, data: storage instanceof Int32Array ? BigInt64Array.from(storage, BigInt) : storage });
  }
  learner.optimizer.liveState().forEach((saved, i) => {
    if (saved === null) return;
    updates[names[i]] = saved.step;
    for (const [buffer, data] of Object.entries(saved.buffers)) {
      tensors.push({ name: `${OPTIMIZER}${names[i]}.${buffer}`, shape: [data.length], data });
    }
  });
  return writeSafetensors(tensors, {
    format: 'pt',
    checkpoint: FORMAT,
    engineVersion: learner.engineVersion,
    spec: JSON.stringify(Object.fromEntries(relevant.map((part) => [part, canonicalJson(spec[part])]))),
    state: JSON.stringify(state, nameNonFinite),
    draws: JSON.stringify(draws),
    updates: JSON.stringify(updates),
    ...statisticsMetadata(learner.statistics),
  });
}

/** @throws CheckpointError if the bytes are not a valid checkpoint */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeFile(bytes);
  if (metadata['checkpoint'] === undefined) {
    throw new CheckpointError('the file has only weights and no state of a run: use it as initialWeights');
  }
  if (metadata['checkpoint'] !== FORMAT) {
    throw new CheckpointError(
      `the checkpoint has format ${metadata['checkpoint']} (engine ${metadata['engineVersion']}), but engine ${engineVersion} reads only format ${FORMAT}`,
    );
  }
  const words = tensors.find(({ name }) => name === RANDOM);
  if (words === undefined) throw new CheckpointError('the checkpoint lacks its random state');
  const spec = part(metadata, 'spec', z.record(z.string(), z.string()));
  return {
    engineVersion: metadata['engineVersion'] ?? 'unknown',
    state: part(metadata, 'state', stateSchema),
    generator: { words: Array.from(words.data, Number), ...part(metadata, 'draws', drawsSchema) },
    weights: tensors.filter(({ name }) => !name.startsWith('.')),
    optimizer: optimizerStates(tensors, part(metadata, 'updates', updatesSchema)),
    isOf: (name, given) => (name === 'data' ? isSameData(spec, given.data) : spec[name] === canonicalJson(given[name])),
  };
}

/** Returns whether the data of a checkpoint is that of a spec. Checkpoints of earlier versions have one option less for the sampling. */
function isSameData(spec: Readonly<Record<string, string>>, data: JobSpec['data']): boolean {
  const stored = part(spec, 'data', z.looseObject({}));
  return canonicalJson(withSampling(stored)) === canonicalJson(withSampling(data));
}

/** Returns how many epochs and steps the run had completed when the checkpoint was made. */
export function positionOf({ epochsDone, epoch }: RunState): Position {
  return { epoch: epochsDone, step: epoch?.step ?? 0 };
}

function decodeFile(bytes: Uint8Array): ReturnType<typeof decodeSafetensors> {
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new CheckpointError(`not a checkpoint: ${error.message}`, { cause: error });
  }
}

function part<Schema extends z.ZodType>(metadata: Readonly<Record<string, string>>, name: string, schema: Schema): z.output<Schema> {
  const text = metadata[name];
  if (text === undefined) throw new CheckpointError(`the checkpoint lacks "${name}"`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`"${name}" of the checkpoint is not JSON`, { cause: error });
  }
  const parsed = parse(schema, json);
  if (parsed.ok) return parsed.data;
  throw new CheckpointError(`"${name}" of the checkpoint is wrong: ${parsed.problems[0].path}: ${parsed.problems[0].message}`);
}

function optimizerStates(tensors: readonly NamedArray[], updates: Readonly<Record<string, number>>): Map<string, SavedParameterState> {
  const states = new Map<string, { readonly step: number; readonly buffers: SavedBuffers }>();
  for (const [name, step] of Object.entries(updates)) states.set(name, { step, buffers: {} });
  for (const { name, data } of tensors) {
    if (!name.startsWith(OPTIMIZER)) continue;
    const dot = name.lastIndexOf('.');
    const buffers = states.get(name.slice(OPTIMIZER.length, dot))?.buffers;
    if (buffers === undefined || data instanceof BigInt64Array) throw new CheckpointError(`the checkpoint has an unknown tensor "${name}"`);
    buffers[name.slice(dot + 1)] = data;
  }
  return states;
}

type SavedBuffers = Record<string, Exclude<NamedArray['data'], BigInt64Array>>;

function nameNonFinite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? nonFiniteOf(value) : value;
}
