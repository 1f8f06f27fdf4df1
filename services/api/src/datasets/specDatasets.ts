// Reads the record of the uploaded dataset that a spec names. This happens before the spec is checked, because the check makes no requests.
import { isUploaded, type UploadedDatasets } from '@trainyard/engine/data';
import type { DatasetStore } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { visibleOwner } from '../plugins/access.ts';
import { refuseUnready } from './shownDataset.ts';

const namesDataset = z.looseObject({ data: z.looseObject({ dataset: z.string() }) });

/**
 * Returns the uploaded dataset that a spec names, if the caller may use it. Otherwise the map is empty.
 * @throws ProblemError 409 if the spec names an upload that is not a dataset
 */
export async function uploadsFor(spec: unknown, datasets: DatasetStore, request: FastifyRequest): Promise<UploadedDatasets> {
  const id = namesDataset.safeParse(spec).data?.data.dataset;
  if (id === undefined || !isUploaded(id)) return new Map();
  const dataset = await datasets.get(id, visibleOwner(request));
  if (dataset === null) await refuseUnready(datasets, id, request);
  return new Map(dataset === null ? [] : [[id, dataset.content]]);
}
