// Converts datasets to the form in which responses show them: built-in datasets from their definitions, uploaded ones from their records.
import type { Dataset, Problem } from '@trainyard/contracts';
import { dataSchema, datasetDefinitions, describeData, type TablePreparation, uploadFormat } from '@trainyard/engine/data';
import type { DatasetRecord, DatasetStore, PendingUpload } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { visibleOwner } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';

/** The fields of a dataset that was not uploaded, or that is not ready. */
const unknownStatistics = { images: null, samplesPerClass: null, channelMeans: null, channelDeviations: null } as const;

const ready = { status: 'ready', progress: null, problem: null } as const;

export const builtInDatasets: readonly Dataset[] = datasetDefinitions.map(({ name, title, description }) => {
  // A dataset with a shape that the spec chooses cannot be described without a spec.
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
    ...unknownStatistics,
    ...ready,
    taken: [],
  };
});

/** Returns the fields that describe a table. They are `null` for a dataset that is not a table. */
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

/** Returns the fields that describe the samples. They are `null` for a dataset of version 0.1.0. */
function statisticFields({ content, statistics }: DatasetRecord): Pick<Dataset, keyof typeof unknownStatistics> {
  if (statistics === null) return unknownStatistics;
  const { skipped, ...facts } = statistics;
  return { ...facts, images: content.images === undefined ? null : { ...content.images, skipped: skipped ?? 0 } };
}

export function shownDataset(record: DatasetRecord): Dataset {
  const { id, title, format, content, taken, bytes, createdAt } = record;
  const { inputShape, classes, trainSamples, testSamples, sha256 } = content;
  const description = `Uploaded as ${uploadFormat(format).title}`;
  const uploaded = { source: 'uploaded', title, description, format, sha256, bytes, createdAt, taken } as const;
  const shapes = { inputShape, classes, trainSamples, testSamples };
  return { id, ...uploaded, ...shapes, ...tableFields(content.table), ...statisticFields(record), ...ready };
}

/** Returns an upload that is being read, or that failed, in the form of a dataset. */
export function shownUpload(upload: PendingUpload): Dataset {
  const { id, title, status, progress, createdAt } = upload;
  const hasFailed = status === 'failed';
  const unknown = { inputShape: null, classes: null, trainSamples: null, testSamples: null, format: null, sha256: null, bytes: null };
  return {
    id,
    source: 'uploaded',
    title,
    description: hasFailed ? 'An upload that could not be read' : 'An upload that is being read',
    ...unknown,
    createdAt,
    ...tableFields(undefined),
    ...unknownStatistics,
    status: hasFailed ? 'failed' : 'processing',
    progress,
    problem: hasFailed ? problemOf(upload) : null,
    taken: [],
  };
}

/** Returns why an upload failed. If its record has no problem, the API process died while the upload was read. */
function problemOf({ id, problem, requestId }: PendingUpload): Problem {
  const died = new ProblemError('unavailable', 'The server stopped while it read the files. Upload them again.');
  return problem ?? died.toProblem(`/datasets/${id}`, requestId);
}

/** Returns the upload with this id if the caller may see it. If the owner already had a dataset with this content, returns that dataset. */
export async function visibleUpload(
  datasets: DatasetStore,
  id: string,
  request: FastifyRequest,
): Promise<PendingUpload | DatasetRecord | null> {
  const owner = visibleOwner(request);
  const upload = await datasets.pending.get(id, owner);
  return upload?.status === 'same' && upload.dataset !== null ? await datasets.get(upload.dataset, owner) : upload;
}

/**
 * Refuses the id of an upload that is not a dataset.
 * @throws ProblemError 409 if the upload is still being read, has failed, or has the same content as an existing dataset
 */
export async function refuseUnready(datasets: DatasetStore, id: string, request: FastifyRequest): Promise<void> {
  const upload = await datasets.pending.get(id, visibleOwner(request));
  if (upload === null) return;
  if (upload.status === 'same') throw new ProblemError('notReady', `${id} has the same content as ${upload.dataset}: use that dataset.`);
  throw new ProblemError(
    'notReady',
    upload.status === 'failed'
      ? `The upload ${id} failed: ${problemOf(upload).detail}`
      : `${id} is still being read: wait until its status is ready.`,
  );
}

/**
 * Returns the uploaded dataset in the path of a request if the caller may see it; `null` for a built-in dataset.
 * @throws ProblemError 409 if the id names an upload that is not a dataset
 * @throws ProblemError 404 if the caller may see neither a dataset nor an upload with this id
 */
export async function visibleDataset(datasets: DatasetStore, id: string, request: FastifyRequest): Promise<DatasetRecord | null> {
  if (builtInDatasets.some((dataset) => dataset.id === id)) return null;
  const found = await datasets.get(id, visibleOwner(request));
  if (found !== null) return found;
  await refuseUnready(datasets, id, request);
  throw unknownDataset(id);
}

export function unknownDataset(id: string): ProblemError {
  const known = builtInDatasets.map((dataset) => dataset.id).join(', ');
  return new ProblemError('notFound', `There is no dataset ${JSON.stringify(id)}. Use ${known}, or a dataset that you uploaded.`);
}
