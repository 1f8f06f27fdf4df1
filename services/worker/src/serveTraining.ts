// The main loop of a training child: receives jobs from the worker, sends back the events and the end, and stops on request. The process
// ends together with the worker. trainJob.ts contains the training itself.
import { setMaxListeners } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { TrainingSummary } from '@trainyard/engine/spec';
import { ThreadLostError } from '@trainyard/engine/errors';
import { EventOutbox } from './eventOutbox.ts';
import type { LifelineData } from './lifeline.ts';
import { memoryBytesOf, residentLimitOf } from './memoryLimit.ts';
import type { ReportedEnd, FromChild, ReportedEvent, ToChild, TrainOrder } from './messages.ts';
import { describeError } from './runError.ts';

/** The file descriptor of the lifeline socket, which the worker passes to the child. */
export const LIFELINE_FD = 4;

/** Signals that end a training early. */
export interface TrainSignals {
  /** When this signal is aborted, the training throws the reason of the signal at the next step. */
  readonly stop: AbortSignal;
  /** When this signal is aborted, the training ends after the current step and writes a checkpoint. */
  readonly pause: AbortSignal;
}

/** Trains the spec of an order, writes its model file, and returns the result or 'paused'. */
export type Train = (order: TrainOrder, signals: TrainSignals) => AsyncGenerator<ReportedEvent, TrainingSummary | 'paused'>;

/**
 * Trains jobs for the worker that forked this process, until the worker is gone.
 * @param train trains one job; jobs never overlap
 * @param warmUp runs once, before the first job
 * @throws Error if this process was started without an IPC channel
 */
export async function serveTraining(train: Train, warmUp: () => Promise<void> = async () => {}): Promise<void> {
  if (process.send === undefined) {
    throw new Error('this program must be started by a worker; start the worker instead (npm run start:worker)');
  }
  const lifeline: LifelineData = { socket: LIFELINE_FD, residentLimit: residentLimitOf(memoryBytesOf(process.argv)) };
  new Worker(new URL('./lifeline.js', import.meta.url), { workerData: lifeline }).unref();
  // Ctrl-C and SIGTERM may reach the whole process group. The child ignores them, because the worker may let the current job finish.
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
      // Sent before the training begins. If the child dies without having sent it, the job is not the cause.
      send({ type: 'started', run: message.run });
      void runOrder(train(message, signals), message, outbox, signals);
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

async function runOrder(events: ReturnType<Train>, order: TrainOrder, outbox: EventOutbox, signals: TrainSignals): Promise<void> {
  const end = await forwardEvents(events, outbox, signals);
  await outbox.drained();
  send({ type: 'ended', run: order.run, end, residentBytes: process.memoryUsage.rss() });
}

async function forwardEvents(events: ReturnType<Train>, outbox: EventOutbox, { stop, pause }: TrainSignals): Promise<ReportedEnd> {
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
    // A pause ends a wait with an AbortError. Any other error is a failure of the training.
    if (pause.aborted && error instanceof Error && error.name === 'AbortError') {
      return { kind: 'paused' };
    }
    return { kind: 'failed', ...describeError(error) };
  }
}

function send(message: FromChild): void {
  // If the channel is closed, the worker is gone, and the disconnect handler is about to end this process.
  if (process.connected) {
    process.send?.(message);
  }
}
