// The scripts that repair the queue after crashes, and that read it.
import { z } from 'zod';
import { defineScript } from './script.ts';

export const adoptWaitingJobs = defineScript({
  name: 'adoptWaitingJobs',
  keys: ['formerWaiting'],
  args: ['tag', 'pageSize'],
  /** The number of jobs that are left. */
  reply: z.number(),
});

export const countMissingWakeUps = defineScript({ name: 'countMissingWakeUps', args: ['tag'], reply: z.number() });

export const interruptLostJobs = defineScript({
  name: 'interruptLostJobs',
  keys: ['running', 'interrupted'],
  /** `after`: the id after which to begin; '' = at the first job. */
  args: ['tag', 'after', 'pageSize'],
  /** The `after` of the next call ('' = all jobs are checked), and the ids of the interrupted jobs. */
  reply: z.tuple([z.string(), z.array(z.string())]),
});

export const readPositions = defineScript({ name: 'readPositions', args: ['tag'], lists: ['jobIds'], reply: z.array(z.number()) });
