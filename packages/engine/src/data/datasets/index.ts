// The one list of datasets. A new dataset is one file beside this one and one line here.
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

/** Those that are there for everybody; uploaded ones are one definition more, `uploaded`. */
export const datasetDefinitions: readonly DatasetDefinition[] = datasets;

const [first, ...others] = datasets.map(({ schema }) => schema);
/** A job spec's `data`: any one dataset with its options and the loader's. */
export const dataSchema = z.discriminatedUnion('dataset', [first, ...others]);
/** The same, or an uploaded dataset, as it may be posted. */
export const newDataSchema = z.union([dataSchema, uploadedSchema]);
/** The same in a checked spec. */
export const storedDataSchema = z.union([dataSchema, storedUploadedSchema]);
/** A checked job spec's `data`, with its defaults filled in. */
export type DataSpec = z.output<typeof dataSchema> | UploadedData;

const byName = new Map(datasetDefinitions.map((definition) => [definition.name, definition]));

/** @throws ArgumentError that lists the known datasets for an unknown one. */
export function findDataset(name: string): DatasetDefinition {
  const definition = isUploaded(name) ? uploaded : byName.get(name);
  if (definition === undefined) throw new ArgumentError(`unknown dataset "${name}" (known: ${[...byName.keys()].join(', ')})`);
  return definition;
}

/**
 * What a job's data is before anything is loaded, as the network gets it: transformed.
 * @throws ShapeError for a transform that does not fit.
 */
export function describeData(data: DataSpec): DatasetDescription {
  const description = findDataset(data.dataset).describe(data);
  const transformed = transformedShape(data.transforms, description.inputShape);
  if (!transformed.ok) throw transformed.error;
  return { ...description, inputShape: transformed.shape };
}

/** A job's data, before its transforms. @throws as {@link DatasetDefinition.load}. */
export function loadData(data: DataSpec, context: LoadContext): Promise<Splits> {
  return findDataset(data.dataset).load(data, context);
}
