// The thread of aheadLoader.ts: prepares the batches of a pass in the ring, and sleeps while the ring is full. Between passes it waits for
// a message. It imports little, so that it starts quickly.
import { parentPort, workerData } from 'node:worker_threads';
import { gather } from '../data/dataset.ts';
import type { SampleReader } from '../data/transforms/reader.ts';
import { cell, type PassOrder, type RingSetup } from './ring.ts';

if (parentPort === null) throw new Error('this module is the entry of a thread');

const { dataset, batchSize, preparation, slots, control, failure } = workerData as RingSetup;

/**
 * Tells the consumer that this thread has ended. A blocked consumer gets no events, and would otherwise wait until its timeout. Not called
 * if the thread runs out of memory or is terminated by `close`.
 */
process.on('exit', () => {
  Atomics.store(control, cell.ended, 1);
  announce();
});

/** Transforms are imported only if they are used, because importing their schemas takes far longer than all other imports. */
const read: SampleReader['read'] = preparation.transforms?.length
  ? await transforming()
  : (indices, _, inputs, targets) => gather(dataset, indices, inputs, targets);

async function transforming(): Promise<SampleReader['read']> {
  const { SampleReader } = await import('../data/transforms/reader.ts');
  const reader = new SampleReader(dataset, preparation);
  return (indices, epoch, inputs, targets, place) => reader.read(indices, epoch, inputs, targets, place);
}

/** Sleeps until the slot of this batch is free. Returns false if the consumer does not want this pass any more. */
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

function fill({ pass, order, earlier, epoch, start, batches }: PassOrder): void {
  // The count is reset first. Otherwise the consumer could read the new pass together with the count of the previous pass.
  Atomics.store(control, cell.filled, 0);
  Atomics.store(control, cell.filledPass, pass);
  for (let batch = 0; batch < batches && hasRoom(pass, batch); batch++) {
    const { inputs, targets } = slots[batch % slots.length];
    const indices = order.subarray(batch * batchSize, (batch + 1) * batchSize);
    const step = Math.floor(start / batchSize) + batch + 1;
    read(indices, epoch, inputs, targets, { step, earlier: earlier?.subarray(batch * batchSize) ?? null });
    Atomics.store(control, cell.filled, batch + 1);
    announce();
  }
}

parentPort.on('message', (order: PassOrder) => {
  if (Atomics.load(control, cell.pass) !== order.pass) return;
  try {
    fill(order);
  } catch (error) {
    // A blocked consumer gets no messages, so the error is written to shared memory, which the consumer reads.
    failure.fill(0);
    new TextEncoder().encodeInto(error instanceof Error ? error.message : String(error), failure.subarray(0, -1));
    Atomics.store(control, cell.failedPass, order.pass);
    announce();
  }
});
