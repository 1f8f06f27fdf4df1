// The events of a job: as pages of JSON for those who ask, as a stream for those who listen. Both start at the
// beginning or after an id, and carry the same stored events; a stream carries the live steps too.
import { eventPage, isFinal, type JobEvent, storedEventTypes } from '@trainyard/contracts';
import type { EventHub, EventLog, Follower, JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { negotiate } from '../http/accept.ts';
import { guarded, problems } from '../http/answers.ts';
import { jobParams, lastEventId, pageLimit } from '../http/parameters.ts';
import { ProblemError } from '../problems.ts';
import { visibleJob } from './visibleJob.ts';

/** Events on a page when the client does not say how many. */
const usualLimit = 100;

const types = storedEventTypes.join('|');

const query = z.strictObject({
  after: lastEventId,
  limit: pageLimit(1000).optional(),
  type: z
    .string()
    .regex(new RegExp(`^(${types})(,(${types}))*$`), `must be one or more of ${storedEventTypes.join(', ')}, separated by commas`)
    .transform((list) => storedEventTypes.filter((type) => list.split(',').includes(type)))
    .optional()
    .describe('Only events of these types, separated by commas.')
    .meta({ examples: ['epoch,status'] }),
});

const headers = z.looseObject({
  'last-event-id': lastEventId.describe('As `after`, and stronger: an EventSource sends it when it comes back.'),
});

/** OpenAPI 3.1 cannot describe one event of a stream; some of its readers take a schema for the stream's, others for the event's. */
const eventText = z.unknown().describe("Server-sent events: `id`, `event` and, as JSON, `data`, as in a page; a step's has no `id`.");

/** What a follower hears, for one client. @throws Error when the client is too slow to be told everything. */
async function* follow(follower: Follower, types: readonly string[] | undefined): AsyncGenerator<JobEvent> {
  for await (const event of follower) if (types === undefined || types.includes(event.event)) yield event;
  if (follower.outcome === 'overflow') throw new Error('the client reads slower than events come: its buffer is full');
}

export const eventRoutes: FastifyPluginCallbackZod<{ jobs: JobStore; eventLog: EventLog; eventHub: EventHub }> = (
  app,
  { jobs, eventLog, eventHub },
  done,
) => {
  app.get(
    '/jobs/:id/events',
    {
      // A HEAD would have to say how a stream that never ends would end.
      exposeHeadRoute: false,
      schema: {
        operationId: 'getEvents',
        summary: 'What happened to a job, and what happens',
        description:
          'As `text/event-stream` the stream goes on until the final `status` event; a client that comes back with the id of the last event it got misses nothing and sees nothing twice. ' +
          'As `application/json` a page of what is stored: as long as the job can still have events, `nextCursor` is set, and asking again with it continues.',
        tags: ['jobs'],
        params: jobParams,
        querystring: query,
        headers,
        response: {
          200: {
            description: 'The events, oldest first.',
            content: { 'application/json': { schema: eventPage }, 'text/event-stream': { schema: eventText } },
          },
          204: z.undefined().describe('For a stream: you have the final event, and no more will come. This stops an EventSource.'),
          ...problems(...guarded, 'notFound', 'notAcceptable', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const type = negotiate(request.headers.accept, ['application/json', 'text/event-stream']);
      if (type === undefined) throw new ProblemError('notAcceptable', 'Events come as application/json or text/event-stream.');
      const job = await visibleJob(jobs, request.params.id, request);
      const { limit, type: types } = request.query;
      const after = request.headers['last-event-id'] ?? request.query.after;
      void reply.header('vary', 'accept');
      if (type === 'application/json') {
        const page = await eventLog.range(job.id, {
          limit: limit ?? usualLimit,
          ...(after === undefined ? {} : { after }),
          ...(types ? { types } : {}),
        });
        // The status was read before the events: a job that was final then has no more than these.
        const goesOn = isFinal(job.status) ? null : (page.data.at(-1)?.id ?? after ?? null);
        return reply.code(200).send({ data: page.data, nextCursor: page.nextCursor ?? goesOn });
      }
      if (limit !== undefined) {
        const issues = [{ path: '?limit', message: 'is for pages of JSON; a stream has no limit', code: 'invalidValue' }];
        throw new ProblemError('invalidRequest', '?limit: is for pages of JSON; a stream has no limit.', { issues });
      }
      if ((await eventLog.state(job.id, after)) === 'ended') return reply.code(204).send();
      return reply.sendEvents((signal) => follow(eventHub.follow(job.id, { signal, ...(after === undefined ? {} : { after }) }), types));
    },
  );
  done();
};
