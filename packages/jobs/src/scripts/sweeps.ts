// The scripts that create, change, end and delete the records of sweeps.
import { z } from 'zod';
import { defineScript, overQuota, replies, words } from './script.ts';

export const createSweep = defineScript({
  name: 'createSweep',
  keys: ['sweep', 'trials', 'sweeps', 'sweepsOfOwner', 'activeSweeps', 'idempotency'],
  args: [
    'tag',
    'sweepId',
    'owner',
    /** See {@link quotaText}. */
    'quotas',
    /** The number of jobs in the first rung. */
    'firstJobs',
    /** The digest of the body; '' if the request has no idempotency key. */
    'digest',
    'idempotencySeconds',
    /** Bytes of the record and the trials, and bytes that the jobs will store. */
    'recordBytes',
    'jobBytes',
    /** The estimated Redis memory of the sweep, and of its jobs. */
    'recordRedisBytes',
    'jobRedisBytes',
  ],
  /** Fields and values. */
  lists: ['record', 'trialFields'],
  reply: z.union([
    /** The id of the sweep. `mismatch`: an earlier request had the same idempotency key and another body. */
    replies('created', z.string()),
    replies('replayed', z.string()),
    replies('mismatch', z.string()),
    overQuota,
  ]),
});

export const upgradeSweep = defineScript({
  name: 'upgradeSweep',
  keys: ['sweep', 'trials'],
  /** Fields and values. */
  lists: ['record', 'trialFields'],
  /** `before`: the record was already rewritten. */
  reply: words('upgraded', 'before'),
});

export const setOnceInSweep = defineScript({
  name: 'setOnceInSweep',
  keys: ['sweep'],
  args: ['field', 'value'],
  /** `before`: the field was already set. */
  reply: words('set', 'before', 'missing'),
});

export const endSweep = defineScript({
  name: 'endSweep',
  keys: ['sweep', 'activeSweeps'],
  args: ['tag', 'sweepId', 'owner', 'final', 'now'],
  /** `before`: the sweep had already ended. */
  reply: words('ended', 'before', 'missing'),
});

export const deleteSweep = defineScript({
  name: 'deleteSweep',
  keys: ['sweep', 'trials', 'sweeps', 'sweepsOfOwner'],
  args: ['tag', 'sweepId', 'owner'],
  /** `running`: the sweep has not ended. */
  reply: words('deleted', 'missing', 'running'),
});
