// What a dataset's definition holds: its name and options in a job spec, what is known of it without reading a file, and
// how it is loaded. One file a dataset in datasets/; the list is in datasets/index.ts.
import { z } from 'zod';
import type { Filled } from '../registry.ts';
import type { Shape } from '../shape.ts';
import type { Splits, Target } from './dataset.ts';
import type { DatasetFiles, FileDigests, ReadOptions } from './files.ts';
import { loaderOptions } from './loader.ts';

/** What a spec can be checked against before anything is loaded. */
export interface DatasetDescription {
  /** One sample's shape. */
  readonly inputShape: Shape;
  /** Pixels, which are read as x / 255, or values. */
  readonly inputType: 'uint8' | 'float32';
  readonly target: Target;
  readonly trainSamples: number;
  /** 0 where there is no test part. */
  readonly testSamples: number;
  /** What a sample with its target takes in memory. */
  readonly bytesPerSample: number;
}

/** A source of normal draws: the run's generator, so that made-up data is what PyTorch draws for the same seed. */
export interface NormalSource {
  normal_(out: Float32Array, mean?: number, std?: number): unknown;
}

export interface LoadContext extends ReadOptions {
  readonly files: DatasetFiles;
  readonly generator: NormalSource;
}

/** How a PyTorch script comes to the same data. Whole lines, each with its line break. */
export interface PyTorchData {
  /** Modules of Python's own library, and numpy: `gzip`. */
  readonly imports: readonly string[];
  /** Reads files in the script's `args.data` folder. */
  readonly readsFiles: boolean;
  /** Functions of the script; '' for none. */
  readonly functions: string;
  /**
   * Assigns tensors to `inputs` and `targets` and, where the dataset has a test part, to `test_inputs` and `test_targets`. It
   * runs after the model was made, and may draw from PyTorch's default generator.
   */
  readonly load: string;
}

/** Without arguments: any dataset, whose options are known to fit because its schema parsed them. */
export interface DatasetDefinition<Schema extends z.ZodObject = z.ZodObject, Options = { readonly dataset: string }> {
  /** What a spec's `dataset` says. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** A spec's `data`: `dataset`, the dataset's own options, those of the loader. */
  readonly schema: Schema;
  /** Reads no file. A limit larger than the set is the set's size. */
  describe(options: Options): DatasetDescription;
  /** @throws what {@link DatasetFiles.read} throws, DataFormatError for a malformed file, `signal.reason` when aborted. */
  load(options: Options, context: LoadContext): Promise<Splits>;
  pytorch(options: Options): PyTorchData;
  /** Digests of all files that it may read, the same for the same content; left out where the options alone decide what it holds. */
  digests?(files: FileDigests): Promise<readonly (string | null)[]>;
}

type DataSchema<Name extends string, Fields extends z.ZodRawShape> = z.ZodObject<
  { dataset: z.ZodLiteral<Name> } & Fields & typeof loaderOptions,
  z.core.$strict
>;

interface DatasetParts<Name extends string, Fields extends z.ZodRawShape>
  extends Pick<DatasetDefinition<z.ZodObject, Filled<Fields>>, 'title' | 'description' | 'describe' | 'load' | 'pytorch' | 'digests'> {
  readonly name: Name;
  readonly options: Fields;
}

/** Defines a dataset. */
export function defineDataset<const Name extends string, Fields extends z.ZodRawShape>(
  parts: DatasetParts<Name, Fields>,
): DatasetDefinition<DataSchema<Name, Fields>, Filled<Fields> & { readonly dataset: Name }> {
  const { options, ...definition } = parts;
  const dataset = { dataset: z.literal(parts.name).describe(parts.description) };
  const shape: typeof dataset & Fields & typeof loaderOptions = { ...dataset, ...options, ...loaderOptions };
  return { ...definition, schema: z.strictObject(shape).describe(parts.description) };
}

/** Options of every dataset whose size is fixed. */
export const limitOptions = {
  trainLimit: z.int().min(1).optional().describe('Trains on the first so many samples; all if left out'),
  testLimit: z.int().min(1).optional().describe('Tests on the first so many samples; all if left out'),
};

/** The option of every dataset that may have no test part. */
export const splitOption = {
  testSplit: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('Tests on this share of the samples, drawn once and for all, and trains on the others; where there is no test part'),
};

/** Python's `[:limit]`; '' for all. */
export const firstOf = (limit: number | undefined): string => (limit === undefined ? '' : `[:${limit}]`);

/** The ten digits as classes. */
export const digitClasses: readonly string[] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
