// The thread of aheadLoader.ts: gathers the batches of a pass into the ring, as far ahead as there is room, and sleeps
// when there is none. Between passes it waits for a message. It imports little, so that it starts quickly.
import { parentPort, workerData } from 'node:worker_threads';
import { gather } from '../data/dataset.ts';
import type { SampleReader } from '../data/transforms/reader.ts';
import { cell, type PassOrder, type RingSetup } from './ring.ts';

if (parentPort === null) throw new Error('this module is the entry of a thread');

const { dataset, batchSize, preparation, slots, control, failure } = workerData as RingSetup;

/**
 * However this thread ends (not by the consumer's close): the consumer may be asleep and deaf to events, and would wait for
 * long. Only a thread that runs out of memory cannot tell it any more.
 */
process.on('exit', () => {
  Atomics.store(control, cell.ended, 1);
  announce();
});

/** Transforms bring their schemas with them, which take far longer to import than all else here. */
const read: SampleReader['read'] = preparation.transforms?.length
  ? await transforming()
  : (indices, _, inputs, targets) => gather(dataset, indices, inputs, targets);

async function transforming(): Promise<SampleReader['read']> {
  const { SampleReader } = await import('../data/transforms/reader.ts');
  const reader = new SampleReader(dataset, preparation);
  return (indices, epoch, inputs, targets) => reader.read(indices, epoch, inputs, targets);
}

/** Sleeps until slot `batch % slots` is free; false when the pass is over. */
function hasRoom(pass: number, batch: number): boolean {
  for (;;) {
    const turn = Atomics.load(control, cell.consumerTurn);
    if (Atomics.load(control, cell.pass) !== pass) return false;
    if (batch - Atomics.load(control, cell.freed) < slots.length) return true;
    Atomics.store(control, cell.asleep, 1);
    Atomics.wait(control, cell.consumerTurn, turn);
    Atomics.store(control, cell.asleep, 0);
  }
}

function announce(): void {
  Atomics.add(control, cell.producerTurn, 1);
  Atomics.notify(control, cell.producerTurn);
}

function fill({ pass, order, epoch, batches }: PassOrder): void {
  // The count first: whoever sees this pass must not see the batches of the last one.
  Atomics.store(control, cell.filled, 0);
  Atomics.store(control, cell.filledPass, pass);
  for (let batch = 0; batch < batches && hasRoom(pass, batch); batch++) {
    const { inputs, targets } = slots[batch % slots.length];
    read(order.subarray(batch * batchSize, (batch + 1) * batchSize), epoch, inputs, targets);
    Atomics.store(control, cell.filled, batch + 1);
    announce();
  }
}

parentPort.on('message', (order: PassOrder) => {
  if (Atomics.load(control, cell.pass) !== order.pass) return;
  try {
    fill(order);
  } catch (error) {
    // The consumer may be asleep and deaf to messages: tell it where it looks.
    failure.fill(0);
    new TextEncoder().encodeInto(error instanceof Error ? error.message : String(error), failure.subarray(0, -1));
    Atomics.store(control, cell.failedPass, order.pass);
    announce();
  }
});
