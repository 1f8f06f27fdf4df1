// The statuses of a job and the phases of a running job. The Lua scripts of the package jobs decide which action is allowed in which
// status.
import type { TrainingPhase } from '@trainyard/engine';
import { z } from 'zod';

export const jobStatus = z
  .enum(['queued', 'running', 'pausing', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled'])
  .meta({ id: 'JobStatus', description: 'succeeded, failed and cancelled are final.' });
export type JobStatus = z.infer<typeof jobStatus>;

export const finalStatuses = ['succeeded', 'failed', 'cancelled'] as const satisfies readonly JobStatus[];
export type FinalStatus = (typeof finalStatuses)[number];

/** Whether a job in this status never changes again. */
export function isFinal(status: JobStatus): status is FinalStatus {
  return (finalStatuses as readonly JobStatus[]).includes(status);
}

export const jobPhase = z
  .enum(['loadingData', 'training', 'evaluating', 'saving'] satisfies TrainingPhase[])
  .meta({ id: 'JobPhase', description: 'The current activity of a running job.' });
export type JobPhase = z.infer<typeof jobPhase>;
