// The events of a job. Those with an id are stored in the job's Redis stream, whose id they carry, and can be asked for
// again; `step` is only ever seen live and has none.
import { nonFiniteName } from '@trainyard/engine';
import { z } from 'zod';
import { checkpointPosition, jobError, jobId } from './job.ts';
import { epochMetrics } from './metrics.ts';
import { jobStatus } from './status.ts';

/** A Redis stream id, `<milliseconds>-<sequence>`: what `Last-Event-ID` and `?after=` carry. */
export const eventId = z
  .string()
  .regex(/^\d{1,19}-\d{1,19}$/, 'must be the id of an event, such as 1795471200000-0')
  .meta({ id: 'EventId', examples: ['1795471200000-0'] });

export const statusData = z.object({ jobId, status: jobStatus, error: jobError.optional() }).meta({ id: 'StatusEventData' });
export const epochData = z
  .object({ jobId, epoch: z.int().min(1), epochs: z.int().min(1), ...epochMetrics.omit({ epoch: true }).shape })
  .meta({ id: 'EpochEventData' });
export const gradientsData = z
  .object({ jobId, epoch: z.int().min(1).describe('Whose first step they are of: `GET /jobs/{id}/gradients?epoch=` has them.') })
  .meta({ id: 'GradientsEventData' });
export const checkpointData = z
  .object({
    jobId,
    ...checkpointPosition.shape,
    bytes: z.int().min(1).describe('Of the file'),
  })
  .meta({ id: 'CheckpointEventData' });
export const logData = z.object({ jobId, level: z.enum(['info', 'warn', 'error']), message: z.string() }).meta({ id: 'LogEventData' });
export const stepData = z
  .object({
    jobId,
    epoch: z.int().min(1),
    step: z.int().min(1),
    stepsPerEpoch: z.int().min(1),
    loss: z.number().nullable().describe('null when it was not finite.'),
    nonFinite: z.object({ loss: nonFiniteName }).optional(),
  })
  .meta({ id: 'StepEventData' });

const statusEvent = z.object({ id: eventId, event: z.literal('status'), data: statusData }).meta({ id: 'StatusEvent' });
const epochEvent = z.object({ id: eventId, event: z.literal('epoch'), data: epochData }).meta({ id: 'EpochEvent' });
const gradientsEvent = z.object({ id: eventId, event: z.literal('gradients'), data: gradientsData }).meta({ id: 'GradientsEvent' });
const checkpointEvent = z.object({ id: eventId, event: z.literal('checkpoint'), data: checkpointData }).meta({ id: 'CheckpointEvent' });
const logEvent = z.object({ id: eventId, event: z.literal('log'), data: logData }).meta({ id: 'LogEvent' });
const stepEvent = z.object({ event: z.literal('step'), data: stepData }).meta({ id: 'StepEvent' });

/** An event that the job's stream holds. */
export const storedEventSchema = z
  .discriminatedUnion('event', [statusEvent, epochEvent, gradientsEvent, checkpointEvent, logEvent])
  .meta({ id: 'StoredEvent' });
export type StoredEvent = z.infer<typeof storedEventSchema>;

export const storedEventTypes = ['status', 'epoch', 'gradients', 'checkpoint', 'log'] as const satisfies readonly StoredEvent['event'][];
export type StoredEventType = (typeof storedEventTypes)[number];

/** An event that only those who are watching see. */
export const liveEventSchema = stepEvent;
export type LiveEvent = z.infer<typeof liveEventSchema>;

/** Everything that a job's event stream can carry. */
export const jobEventSchema = z
  .discriminatedUnion('event', [statusEvent, epochEvent, gradientsEvent, checkpointEvent, logEvent, stepEvent])
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof jobEventSchema>;

export type EpochData = z.infer<typeof epochData>;
export type GradientsData = z.infer<typeof gradientsData>;
export type CheckpointData = z.infer<typeof checkpointData>;
export type LogData = z.infer<typeof logData>;
export type StepData = z.infer<typeof stepData>;
