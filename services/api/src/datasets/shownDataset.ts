// Datasets as answers show them: built-in ones from their definitions, uploaded ones from their records.
import type { Dataset } from '@trainyard/contracts';
import { dataSchema, datasetDefinitions, describeData, type TablePreparation, uploadFormat } from '@trainyard/engine';
import type { DatasetRecord, DatasetStore } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { visibleOwner } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';

export const builtInDatasets: readonly Dataset[] = datasetDefinitions.map(({ name, title, description }) => {
  // One that a spec has to give a shape cannot be described without a spec.
  const { data } = dataSchema.safeParse({ dataset: name });
  const known = data === undefined ? null : describeData(data);
  return {
    id: name,
    source: 'builtIn',
    title,
    description,
    inputShape: known?.inputShape ?? null,
    classes: known?.target.kind === 'class' ? known.target.classes : null,
    trainSamples: known?.trainSamples ?? null,
    testSamples: known?.testSamples ?? null,
    format: null,
    sha256: null,
    bytes: null,
    createdAt: null,
    ...tableFields(undefined),
    taken: [],
  };
});

/** What is shown of a table, and of datasets that are none. */
function tableFields(table: TablePreparation | undefined): Pick<Dataset, 'columns' | 'categories' | 'targetColumns' | 'targetKind'> {
  if (table === undefined) return { columns: null, categories: null, targetColumns: null, targetKind: null };
  const texts = table.columns.flatMap(({ name, categories }) => (categories === undefined ? [] : [[name, categories] as const]));
  return {
    columns: table.columns.map(({ name }) => name),
    categories: Object.fromEntries(texts),
    targetColumns: table.targetColumns,
    targetKind: table.targetKind,
  };
}

export function shownDataset({ id, title, format, content, taken, bytes, createdAt }: DatasetRecord): Dataset {
  const { inputShape, classes, trainSamples, testSamples, sha256 } = content;
  const description = `Uploaded as ${uploadFormat(format).title}`;
  const uploaded = { source: 'uploaded', title, description, format, sha256, bytes, createdAt, taken } as const;
  return { id, ...uploaded, inputShape, classes, trainSamples, testSamples, ...tableFields(content.table) };
}

/** The uploaded dataset that a request's path names, if its caller may see it; null for a built-in one. @throws ProblemError 404 */
export async function visibleDataset(datasets: DatasetStore, id: string, request: FastifyRequest): Promise<DatasetRecord | null> {
  if (builtInDatasets.some((dataset) => dataset.id === id)) return null;
  const found = await datasets.get(id, visibleOwner(request));
  if (found !== null) return found;
  const known = builtInDatasets.map((dataset) => dataset.id).join(', ');
  throw new ProblemError('notFound', `There is no dataset ${JSON.stringify(id)}; there are ${known}, and those that you uploaded.`);
}
