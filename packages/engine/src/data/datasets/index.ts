// The list of datasets. A new dataset needs a file next to this one and a line here.
import { z } from 'zod';
import { ArgumentError } from '../../errors.ts';
import type { Splits } from '../dataset.ts';
import type { DatasetDefinition, DatasetDescription, LoadContext } from '../define.ts';
import { transformedShape } from '../transforms/index.ts';
import { cifar10 } from './cifar10.ts';
import { digits } from './digits.ts';
import { fashionMnist } from './fashionMnist.ts';
import { mnist } from './mnist.ts';
import { random } from './random.ts';
import { isUploaded, storedUploadedSchema, type UploadedData, uploaded, uploadedSchema } from './uploaded.ts';

const datasets = [mnist, fashionMnist, cifar10, digits, random] as const;

/** The datasets that every user has. Uploaded datasets have the separate definition `uploaded`. */
export const datasetDefinitions: readonly DatasetDefinition[] = datasets;

const [first, ...others] = datasets.map(({ schema }) => schema);
/** The schema of a job spec's `data`: one of the listed datasets, with its own options and the loader's options. */
export const dataSchema = z.discriminatedUnion('dataset', [first, ...others]);
/** The schema of `data` in a posted spec: a listed dataset or an uploaded one. */
export const newDataSchema = z.union([dataSchema, uploadedSchema]);
/** The schema of `data` in a checked spec, in which an uploaded dataset has its content. */
export const storedDataSchema = z.union([dataSchema, storedUploadedSchema]);
/** The `data` of a checked job spec, with its defaults filled in. */
export type DataSpec = z.output<typeof dataSchema> | UploadedData;

const byName = new Map(datasetDefinitions.map((definition) => [definition.name, definition]));

/** Returns the definition of a dataset. @throws ArgumentError if there is no dataset of this name; the message lists the known ones */
export function findDataset(name: string): DatasetDefinition {
  const definition = isUploaded(name) ? uploaded : byName.get(name);
  if (definition === undefined) throw new ArgumentError(`unknown dataset "${name}" (known: ${[...byName.keys()].join(', ')})`);
  return definition;
}

/**
 * Describes the samples that the network gets, after the transforms. Loads no data.
 * @throws ShapeError if a transform does not fit the shape of the samples
 */
export function describeData(data: DataSpec): DatasetDescription {
  const description = findDataset(data.dataset).describe(data);
  const transformed = transformedShape(data.transforms, description.inputShape);
  if (!transformed.ok) throw transformed.error;
  return { ...description, inputShape: transformed.shape };
}

/** Loads the data of a job. The transforms are not applied. @throws the same errors as {@link DatasetDefinition.load} */
export function loadData(data: DataSpec, context: LoadContext): Promise<Splits> {
  return findDataset(data.dataset).load(data, context);
}
