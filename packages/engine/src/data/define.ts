// The definition of a dataset: its name and options in a job spec, a description that needs no file, and how it is loaded. Each dataset has
// one file in datasets/; the list is in datasets/index.ts.
import { z } from 'zod';
import type { Filled } from '../registry.ts';
import type { Shape } from '../shape.ts';
import type { Splits, Target } from './dataset.ts';
import type { DatasetFiles, FileDigests, ReadOptions } from './files.ts';
import { loaderOptions } from './loader.ts';
import { checkedSampling } from './sampling.ts';

/** The facts about a dataset that are known before it is loaded. Specs are checked against them. */
export interface DatasetDescription {
  /** The shape of one sample. */
  readonly inputShape: Shape;
  /** `uint8`: pixels, which are read as x / 255. `float32`: values. */
  readonly inputType: 'uint8' | 'float32';
  readonly target: Target;
  readonly trainSamples: number;
  /** 0 if there is no test part. */
  readonly testSamples: number;
  /** The memory of a sample with its target, in bytes. */
  readonly bytesPerSample: number;
}

/**
 * A source of normally distributed numbers. It is the generator of the run, so random data is the same as in PyTorch with the same seed.
 */
export interface NormalSource {
  normal_(out: Float32Array, mean?: number, std?: number): unknown;
}

export interface LoadContext extends ReadOptions {
  readonly files: DatasetFiles;
  readonly generator: NormalSource;
}

/** The code with which a PyTorch script loads the same data: whole lines, each with its line break. */
export interface PyTorchData {
  /** Modules of Python's standard library, such as `gzip`, and numpy. */
  readonly imports: readonly string[];
  /** Whether the code reads files of the folder `args.data` of the script. */
  readonly readsFiles: boolean;
  /** Functions that the code calls; '' for none. */
  readonly functions: string;
  /**
   * Assigns tensors to `inputs` and `targets`. If the dataset has a test part, it also assigns `test_inputs` and `test_targets`. It runs
   * after the model was created, and may draw from PyTorch's default generator.
   */
  readonly load: string;
}

/** The definition of a dataset. Without type arguments, the type fits any dataset; the options must have been parsed by its schema. */
export interface DatasetDefinition<Schema extends z.ZodObject = z.ZodObject, Options = { readonly dataset: string }> {
  /** The name of the dataset in a spec. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The schema of `data` in a spec: `dataset`, the options of the dataset, and the options of the loader. */
  readonly schema: Schema;
  /** Describes the dataset without reading a file. A limit that is larger than the dataset has no effect. */
  describe(options: Options): DatasetDescription;
  /**
   * Loads the samples.
   * @throws the errors of {@link DatasetFiles.read} if a file cannot be read
   * @throws DataFormatError if a file is invalid
   * @throws `signal.reason` if aborted
   */
  load(options: Options, context: LoadContext): Promise<Splits>;
  pytorch(options: Options): PyTorchData;
  /** Returns the digests of all files that the dataset may read. Undefined if the options alone determine the samples. */
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
  return { ...definition, schema: checkedSampling(z.strictObject(shape)).describe(parts.description) };
}

/** The options of datasets of a fixed size. */
export const limitOptions = {
  trainLimit: z.int().min(1).optional().describe('The number of samples to train on, from the first; all if omitted'),
  testLimit: z.int().min(1).optional().describe('The number of samples to test on, from the first; all if omitted'),
};

/** The option of datasets that may have no test part. */
export const splitOption = {
  testSplit: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('The share of the samples to test on, for a dataset without a test part. They are drawn once, and the others are trained on'),
};

/** Returns Python's `[:limit]`; '' for all samples. */
export const firstOf = (limit: number | undefined): string => (limit === undefined ? '' : `[:${limit}]`);

/** The class names of the ten digits. */
export const digitClasses: readonly string[] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
