// The uploaded datasets that a spec may name: looked up before the spec is checked, since the check asks nobody.
import { isUploaded, type UploadedDatasets } from '@trainyard/engine/data';
import type { DatasetStore } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { visibleOwner } from '../plugins/access.ts';
import { refuseUnready } from './shownDataset.ts';

const namesDataset = z.looseObject({ data: z.looseObject({ dataset: z.string() }) });

/** What the caller may use of what the spec names; nothing, where that is no uploaded dataset of theirs. */
export async function uploadsFor(spec: unknown, datasets: DatasetStore, request: FastifyRequest): Promise<UploadedDatasets> {
  const id = namesDataset.safeParse(spec).data?.data.dataset;
  if (id === undefined || !isUploaded(id)) return new Map();
  const dataset = await datasets.get(id, visibleOwner(request));
  if (dataset === null) await refuseUnready(datasets, id, request);
  return new Map(dataset === null ? [] : [[id, dataset.content]]);
}
