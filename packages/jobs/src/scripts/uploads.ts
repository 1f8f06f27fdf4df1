// The scripts about uploaded datasets and weights.
import { z } from 'zod';
import { defineScript, overQuota, replies, words } from './script.ts';

export const recordDataset = defineScript({
  name: 'recordDataset',
  keys: ['dataset', 'datasets', 'datasetsOfOwner', 'contentsOfOwner', 'reservedFiles'],
  /** `digest`: the digest of the content. `quotas`: see {@link quotaText}. `bytes`: the size of all files. */
  args: ['tag', 'datasetId', 'digest', 'owner', 'quotas', 'bytes'],
  /** Fields and values. */
  lists: ['record'],
  /** `known`: the id of the dataset with the same content. `expired`: the reservation has expired. */
  reply: z.union([words('recorded', 'expired'), replies('known', z.string()), overQuota]),
});

export const deleteDataset = defineScript({
  name: 'deleteDataset',
  keys: ['dataset', 'datasets', 'datasetsOfOwner', 'contentsOfOwner', 'users', 'reservedFiles'],
  args: ['tag', 'datasetId', 'digest', 'nowMs'],
  /** `inUse`: the id of a job that uses it. */
  reply: z.union([words('deleted', 'missing'), replies('inUse', z.string())]),
});

export const updateUpload = defineScript({
  name: 'updateUpload',
  keys: ['upload'],
  args: ['keptMs'],
  /** Fields and values. */
  lists: ['fields'],
  /** `missing`: the upload was deleted, or it is not being read any more. */
  reply: words('updated', 'missing'),
});

export const createWeights = defineScript({
  name: 'createWeights',
  keys: ['weights', 'reservedFiles'],
  args: ['tag', 'weightsId', 'owner', 'quotas', 'bytes'],
  /** Fields and values. */
  lists: ['record'],
  /** `expired`: the reservation has expired. */
  reply: z.union([words('created', 'expired'), overQuota]),
});

export const useWeights = defineScript({
  name: 'useWeights',
  keys: ['weights', 'users', 'reservedFiles'],
  args: ['tag', 'jobId', 'nowMs'],
  reply: words('noted', 'missing'),
});

export const deleteWeights = defineScript({
  name: 'deleteWeights',
  keys: ['weights', 'users', 'formerUsers', 'reservedFiles'],
  args: ['tag', 'weightsId', 'nowMs'],
  /** `inUse`: the id of a job that uses them. */
  reply: z.union([words('deleted', 'missing'), replies('inUse', z.string())]),
});
