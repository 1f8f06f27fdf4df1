// Tests the queue of events in a training child without a process.
import { EventOutbox, type ReportedEvent } from '@trainyard/worker';
import { describe, expect, it } from 'vitest';

function phase(): ReportedEvent {
  return { type: 'phase', phase: 'training' };
}

function step(number: number): ReportedEvent {
  return { type: 'step', epoch: 1, step: number, stepsPerEpoch: 100, loss: 1 };
}

describe('EventOutbox', () => {
  it('sends the first event at once and collects the others until the first one is stored', () => {
    const batches: ReportedEvent[][] = [];
    const outbox = new EventOutbox((events) => batches.push(events));
    void outbox.post(phase());
    void outbox.post(step(1));
    void outbox.post(phase());
    expect(batches).toEqual([[phase()]]);
    outbox.stored();
    expect(batches).toEqual([[phase()], [step(1), phase()]]);
  });

  it('keeps only the newest of consecutive step events', () => {
    const batches: ReportedEvent[][] = [];
    const outbox = new EventOutbox((events) => batches.push(events));
    for (const event of [phase(), step(1), step(2), phase(), step(3), step(4)]) {
      void outbox.post(event);
    }
    outbox.stored();
    expect(batches[1]).toEqual([step(2), phase(), step(4)]);
  });

  it('makes the training wait while as many events as the limit are not stored', async () => {
    const outbox = new EventOutbox(() => {}, 2);
    await outbox.post(phase());
    await outbox.post(phase());
    let posted = false;
    const third = outbox.post(phase()).then(() => {
      posted = true;
    });
    await new Promise(setImmediate);
    expect(posted).toBe(false);
    outbox.stored();
    await third;
  });

  it('is drained after the last batch is stored', async () => {
    const outbox = new EventOutbox(() => {});
    await outbox.post(phase());
    await outbox.post(phase());
    let drained = false;
    const done = outbox.drained().then(() => {
      drained = true;
    });
    outbox.stored();
    await new Promise(setImmediate);
    expect(drained).toBe(false);
    outbox.stored();
    await done;
  });
});
