// The frame around training in a child process: takes orders from the worker, sends events and the ending, stops when
// told and ends with the worker. It knows nothing of how training is done (trainJob.ts brings that) nor of Redis.
import { setMaxListeners } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ThreadLostError, type TrainingSummary } from '@trainyard/engine';
import { EventOutbox } from './eventOutbox.ts';
import type { LifelineData } from './lifeline.ts';
import { memoryBytesOf, residentLimitOf } from './memoryLimit.ts';
import type { Ending, FromChild, ReportedEvent, ToChild, TrainOrder } from './messages.ts';
import { describeError } from './runError.ts';

/** The file descriptor on which the worker hands its child the lifeline. */
export const LIFELINE_FD = 4;

/** How a run is interfered with. */
export interface TrainSignals {
  /** The run throws the reason at the next step. */
  readonly stop: AbortSignal;
  /** The run ends after the step in hand, with a checkpoint. */
  readonly pause: AbortSignal;
}

/** Trains an order's spec, writes its model file and returns the result, or 'paused'. */
export type Train = (order: TrainOrder, signals: TrainSignals) => AsyncGenerator<ReportedEvent, TrainingSummary | 'paused'>;

/**
 * Serves the worker that forked this process, until it is gone.
 * @param train Trains one job at a time.
 * @param warmUp What is worth doing before the first job.
 * @throws when this process was not forked with an IPC channel.
 */
export async function serveTraining(train: Train, warmUp: () => Promise<void> = async () => {}): Promise<void> {
  if (process.send === undefined) {
    throw new Error('this program trains for a worker, which starts it; run the worker instead (npm run start:worker)');
  }
  const lifeline: LifelineData = { socket: LIFELINE_FD, residentLimit: residentLimitOf(memoryBytesOf(process.argv)) };
  new Worker(new URL('./lifeline.js', import.meta.url), { workerData: lifeline }).unref();
  // A Ctrl-C or a SIGTERM to the whole process group is the worker's to answer: it may want the job in hand finished.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit(0));

  let current: { run: number; outbox: EventOutbox; stop: AbortController; pause: AbortController } | undefined;
  process.on('message', (message: ToChild) => {
    if (message.type === 'train') {
      const [stop, pause] = [new AbortController(), new AbortController()];
      setMaxListeners(0, stop.signal, pause.signal);
      const outbox = new EventOutbox((events) => send({ type: 'events', run: message.run, events }));
      current = { run: message.run, outbox, stop, pause };
      const signals = { stop: stop.signal, pause: pause.signal };
      // First, so that the worker can tell what came before.
      send({ type: 'started', run: message.run });
      void answer(train(message, signals), message, outbox, signals);
    } else if (message.run === current?.run) {
      if (message.type === 'stored') {
        current.outbox.stored();
      } else {
        current[message.type].abort(new DOMException(`the job was to ${message.type}`, 'AbortError'));
      }
    }
  });
  await warmUp();
  send({ type: 'ready' });
}

async function answer(events: ReturnType<Train>, order: TrainOrder, outbox: EventOutbox, signals: TrainSignals): Promise<void> {
  const ending = await follow(events, outbox, signals);
  await outbox.drained();
  send({ type: 'ended', run: order.run, ending, residentBytes: process.memoryUsage.rss() });
}

async function follow(events: ReturnType<Train>, outbox: EventOutbox, { stop, pause }: TrainSignals): Promise<Ending> {
  try {
    for (;;) {
      const next = await events.next();
      if (next.done === true) {
        return next.value === 'paused' ? { kind: 'paused' } : { kind: 'trained', result: next.value };
      }
      await outbox.post(next.value);
    }
  } catch (error) {
    if (error instanceof ThreadLostError) {
      return { kind: 'crashed', ...describeError(error) };
    }
    if (stop.aborted) {
      return { kind: 'stopped' };
    }
    // Whatever it waited for was given up; what went wrong by itself is still told.
    if (pause.aborted && error instanceof Error && error.name === 'AbortError') {
      return { kind: 'paused' };
    }
    return { kind: 'failed', ...describeError(error) };
  }
}

function send(message: FromChild): void {
  // Without a channel the worker is gone, and the disconnect handler is about to end this process.
  if (process.connected) {
    process.send?.(message);
  }
}
