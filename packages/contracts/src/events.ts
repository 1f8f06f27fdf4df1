// The events of a job. Events with an id are stored in the job's Redis stream, under that id, and can be read again. `step` events have no
// id and are only sent live.
import { nonFiniteName } from '@trainyard/engine/spec';
import { z } from 'zod';
import { checkpointPosition, jobError, jobId } from './job.ts';
import { epochMetrics } from './metrics.ts';
import { jobStatus } from './status.ts';

/** A Redis stream id, `<milliseconds>-<sequence>`. Clients send it as `Last-Event-ID` or `?after=`. */
export const eventId = z
  .string()
  .regex(/^\d{1,19}-\d{1,19}$/, 'must be the id of an event, such as 1795471200000-0')
  .meta({ id: 'EventId', examples: ['1795471200000-0'] });

export const statusData = z.object({ jobId, status: jobStatus, error: jobError.optional() }).meta({ id: 'StatusEventData' });
export const epochData = z
  .object({ jobId, epoch: z.int().min(1), epochs: z.int().min(1), ...epochMetrics.omit({ epoch: true }).shape })
  .meta({ id: 'EpochEventData' });
export const gradientsData = z
  .object({
    jobId,
    epoch: z
      .int()
      .min(1)
      .describe('The gradients are those of the first step of this epoch. Get them with `GET /jobs/{id}/gradients?epoch=`.'),
  })
  .meta({ id: 'GradientsEventData' });
export const checkpointData = z
  .object({
    jobId,
    ...checkpointPosition.shape,
    bytes: z.int().min(1).describe('The size of the checkpoint file.'),
  })
  .meta({ id: 'CheckpointEventData' });
export const logData = z.object({ jobId, level: z.enum(['info', 'warn', 'error']), message: z.string() }).meta({ id: 'LogEventData' });
export const stepData = z
  .object({
    jobId,
    epoch: z.int().min(1),
    step: z.int().min(1),
    stepsPerEpoch: z.int().min(1),
    loss: z.number().nullable().describe('The loss of the step; null if it is not finite.'),
    nonFinite: z.object({ loss: nonFiniteName }).optional(),
  })
  .meta({ id: 'StepEventData' });

const statusEvent = z.object({ id: eventId, event: z.literal('status'), data: statusData }).meta({ id: 'StatusEvent' });
const epochEvent = z.object({ id: eventId, event: z.literal('epoch'), data: epochData }).meta({ id: 'EpochEvent' });
const gradientsEvent = z.object({ id: eventId, event: z.literal('gradients'), data: gradientsData }).meta({ id: 'GradientsEvent' });
const checkpointEvent = z.object({ id: eventId, event: z.literal('checkpoint'), data: checkpointData }).meta({ id: 'CheckpointEvent' });
const logEvent = z.object({ id: eventId, event: z.literal('log'), data: logData }).meta({ id: 'LogEvent' });
const stepEvent = z.object({ event: z.literal('step'), data: stepData }).meta({ id: 'StepEvent' });

/** An event that is stored in the job's stream. */
export const storedEventSchema = z
  .discriminatedUnion('event', [statusEvent, epochEvent, gradientsEvent, checkpointEvent, logEvent])
  .meta({ id: 'StoredEvent' });
export type StoredEvent = z.infer<typeof storedEventSchema>;

export const storedEventTypes = ['status', 'epoch', 'gradients', 'checkpoint', 'log'] as const satisfies readonly StoredEvent['event'][];
export type StoredEventType = (typeof storedEventTypes)[number];

/** An event that is not stored. Only clients that are connected when it is sent get it. */
export const liveEventSchema = stepEvent;
export type LiveEvent = z.infer<typeof liveEventSchema>;

/** Any event of `GET /jobs/{id}/events`, stored or live. */
export const jobEventSchema = z
  .discriminatedUnion('event', [statusEvent, epochEvent, gradientsEvent, checkpointEvent, logEvent, stepEvent])
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof jobEventSchema>;

export type EpochData = z.infer<typeof epochData>;
export type GradientsData = z.infer<typeof gradientsData>;
export type CheckpointData = z.infer<typeof checkpointData>;
export type LogData = z.infer<typeof logData>;
export type StepData = z.infer<typeof stepData>;
