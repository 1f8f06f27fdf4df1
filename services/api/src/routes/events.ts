// The routes for the events of a job: pages of JSON, and server-sent event streams. Both start at the first event or after a given id, and
// contain the same stored events. A stream also contains the live steps.
import { eventPage, jobId, storedEventTypes, streamToken } from '@trainyard/contracts';
import { compareEventIds, type EventHub, hasEndedBy, isRedisUnavailable, type JobHead, EventLoopThrottle } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { eventMediaType } from '../http/accept.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { HistoryTexts } from '../http/historyTexts.ts';
import { jobParams, lastEventId, pageLimit } from '../http/parameters.ts';
import { patiently } from '../http/patiently.ts';
import { streamPatienceMs } from '../http/streamToken.ts';
import { callerOf, isLocal, visibleOwner } from '../plugins/access.ts';
import { sendProblem } from '../plugins/errors.ts';
import { nothingThere, ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';

/** The number of events on a page if the request has no `limit`. */
const usualLimit = 100;

/** The most stored events that are read for one page if the request selects types. */
const scanLimit = 10_000;

const types = storedEventTypes.join('|');

const query = z.strictObject({
  after: lastEventId,
  limit: pageLimit(1000).optional(),
  type: z
    .string()
    .regex(new RegExp(`^(${types})(,(${types}))*$`), `must be one or more of ${storedEventTypes.join(', ')}, separated by commas`)
    .transform((list) => storedEventTypes.filter((type) => list.split(',').includes(type)))
    .optional()
    .describe('Only events of these types, separated by commas. A stream always includes the final `status` event.')
    .meta({ examples: ['epoch,status'] }),
  token: z.string().optional().describe('A token for this stream, instead of an API key. `POST /jobs/{id}/events/token` creates one.'),
});

const headers = z.looseObject({
  'last-event-id': z
    .preprocess((id) => (id === '' ? undefined : id), lastEventId)
    .describe('The same as `after`, and takes precedence over it. An EventSource sends it when it reconnects.'),
});

/** OpenAPI 3.1 cannot describe one event of a stream: some tools use the schema for the whole stream, others for one event. */
const eventText = z
  .unknown()
  .describe('Server-sent events with `id`, `event` and `data`. `data` is the JSON of an event, as in a page. A `step` event has no `id`.');

/** Returns the owner of the job and the last ids of its events. @throws ProblemError 404 if the caller may see no job with this id */
async function visibleHead(hub: EventHub, id: string, request: FastifyRequest): Promise<JobHead> {
  const head = jobId.safeParse(id).success ? await hub.head(id) : null;
  const owner = visibleOwner(request);
  if (head === null || (owner !== undefined && head.owner !== owner)) throw nothingThere(request);
  request.jobId = id;
  return head;
}

/** How many streams begin in one turn of the event loop. */
const streamsPerTurn = 8;

export const eventRoutes: Routes = (app, { services: { eventLog, eventHub, streamTokens } }, done) => {
  const throttle = new EventLoopThrottle(streamsPerTurn);
  const histories = new HistoryTexts();
  app.get(
    '/jobs/:id/events',
    {
      config: { isStream: true, takesStreamToken: true },
      // There is no HEAD route, because the length of a stream is unknown until it ends.
      exposeHeadRoute: false,
      schema: {
        operationId: 'getEvents',
        summary: 'The events of a job, past and live',
        description:
          'As `text/event-stream`, the stream ends after the final `status` event. A client that reconnects with the id of the last event it got misses nothing and sees nothing twice. ' +
          'While Redis is unavailable, an open stream waits. A new stream may end without an event, and an EventSource then reconnects by itself. ' +
          'As `application/json`, the answer is a page of stored events. `nextCursor` is set as long as more events can come; send it as `after` for the next page. ' +
          'A page may have fewer events than `limit` and still have a `nextCursor`.',
        tags: ['jobs'],
        params: jobParams,
        querystring: query,
        headers,
        response: {
          200: {
            description: 'The events, oldest first.',
            content: { 'application/json': { schema: eventPage }, 'text/event-stream': { schema: eventText } },
          },
          204: z.undefined().describe('For a stream: you already have the final event. This stops an EventSource.'),
          ...problems(...guarded, 'notFound', 'notAcceptable', 'invalidRequest'),
        },
      },
      // Ends the stream instead of answering 503: an EventSource reconnects after a stream that ends, but gives up after a 503.
      errorHandler: (error, request, reply) => {
        if (!isRedisUnavailable(error) || eventMediaType(request) !== 'text/event-stream') sendProblem(error, request, reply);
        else void reply.sendReconnect('Redis, which holds the jobs, does not answer: reconnect');
      },
    },
    async (request, reply) => {
      const type = eventMediaType(request);
      if (type === undefined) throw new ProblemError('notAcceptable', 'Events come as application/json or text/event-stream.');
      const isStream = type === 'text/event-stream';
      const { id } = request.params;
      const head = await patiently(async () => await visibleHead(eventHub, id, request), isStream ? streamPatienceMs : 0);
      // Lets only a few streams begin at a time, because all requests that wait for the head of the same job continue at once.
      if (isStream) await throttle.pass();
      const { limit, type: types } = request.query;
      const asked = request.headers['last-event-id'] ?? request.query.after;
      // The requested id may be after the job's last event, for example an id of another job. Then the id of the last event is used, so
      // that the client gets all new events.
      const after = asked !== undefined && head.lastId !== null && compareEventIds(asked, head.lastId) > 0 ? head.lastId : asked;
      const place = after === undefined ? {} : { after };
      void reply.header('vary', 'accept');
      if (!isStream) {
        const page = await eventLog.range(id, { limit: limit ?? usualLimit, scanLimit, ...place, ...(types ? { types } : {}) });
        // The head was read before the events. If the head has the final event, no new events can follow, so the last page has no cursor.
        const goesOn = head.finalId === null ? (page.position ?? '0-0') : null;
        return reply.code(200).send({ data: page.data, nextCursor: page.nextCursor ?? goesOn });
      }
      if (limit !== undefined) {
        const issues = [{ path: '?limit', message: 'a stream has no limit: omit it, or request application/json', code: 'invalidValue' }];
        throw new ProblemError('invalidRequest', '?limit: a stream has no limit: omit it, or request application/json.', { issues });
      }
      if (after !== undefined && hasEndedBy(head, after)) return reply.code(204).send();
      return reply.sendEvents((signal, cutOff) => {
        const onOverflow = (): void => cutOff('the client reads slower than events come');
        const caller = callerOf(request);
        const follower = eventHub.follow(id, { signal, onOverflow, ...place });
        return histories.of(follower, { key: isLocal(caller) ? null : caller.name, signal, ...(types && { types }) });
      });
    },
  );

  app.post(
    '/jobs/:id/events/token',
    {
      schema: {
        operationId: 'createStreamToken',
        summary: 'Create a token for the stream of a job’s events',
        description:
          "For a browser's EventSource, which can't send an API key: `new EventSource('/jobs/ID/events?token=TOKEN')`. " +
          'The token is valid for the events of this job only. The first connection must be made before `expiresAt`. ' +
          'After that, the EventSource can reconnect with the same URL while the job runs and for an hour after its end. ' +
          'A token that is not used for 7 days expires. Removing the API key removes its tokens.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          201: json('The token. It is shown once.', streamToken),
          ...problems(...guarded, 'notFound', 'invalidRequest', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await visibleHead(eventHub, id, request);
      const { token, expiresAt } = await streamTokens.issue(id, callerOf(request));
      return reply.code(201).header('cache-control', 'no-store').send({ token, expiresAt: expiresAt.toISOString() });
    },
  );
  done();
};
