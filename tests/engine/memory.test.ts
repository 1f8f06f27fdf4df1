// Tests that the memory of a long run does not grow, over 10,000 steps of a small network, with and without arenas.
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { backend, inArena, linear, noGrad, rand, randn, type Tensor, zeros } from '@trainyard/engine';
import { describe, expect, test } from 'vitest';
import { onEveryBackend } from '../support/backends.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const warmUpSteps = 1_000;
const steps = 10_000;
const mebibyte = 2 ** 20;
const mostOutsideHeap = 16 * mebibyte;

interface MemoryUse {
  /** The bytes of JavaScript objects. */
  readonly heapUsed: number;
  /** The memory of the process without the JavaScript heap, whose free space depends on the load of the machine. */
  readonly outsideHeap: number;
  readonly arrayBuffers: number;
  readonly inBackend: number;
  readonly peakInBackend: number;
}

/** Returns the used memory after all garbage was collected. */
async function memoryUse(): Promise<MemoryUse> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await turn();
  }
  const { rss, heapTotal, heapUsed, arrayBuffers } = process.memoryUsage();
  const { bytes, peakBytes } = backend().memoryUse();
  return { heapUsed, outsideHeap: rss - heapTotal, arrayBuffers, inBackend: bytes, peakInBackend: peakBytes };
}

/** Returns a function that runs one step: forward, backward and a hand-written update. */
function trainingStep(): () => number {
  const [input, target] = [randn([4, 8]), rand([4, 3])];
  const hidden = [randn([16, 8]), zeros([16])].map((tensor) => tensor.requiresGrad_());
  const output = [randn([3, 16]), zeros([3])].map((tensor) => tensor.requiresGrad_());
  const update = (parameter: Tensor): void => {
    if (parameter.grad === null) throw new Error('backward() left a parameter without a gradient');
    parameter.sub_(parameter.grad.mul(1e-3));
    parameter.grad.zero_();
  };
  return () => {
    const prediction = linear(linear(input, hidden[0], hidden[1]).relu(), output[0], output[1]);
    const loss = prediction.sub(target).pow(2).mean();
    loss.backward();
    noGrad(() => [...hidden, ...output].forEach(update));
    return loss.item();
  };
}

/** Returns the memory after a warm-up and after all steps. The loss must fall, which shows that the steps train. */
async function measure(step: () => number, warmUp = warmUpSteps): Promise<{ before: MemoryUse; after: MemoryUse }> {
  const first = step();
  for (let i = 1; i < warmUp; i++) step();
  const before = await memoryUse();
  let last = first;
  for (let i = 0; i < steps; i++) last = step();
  const after = await memoryUse();
  expect(last).toBeLessThan(first / 2);
  return { before, after };
}

/** Repeats the measurement up to three times. Compiled code and memory that malloc keeps grow only once; a leak grows every time. */
async function measureRuns(makeStep: () => () => number, warmUp?: number): Promise<{ before: MemoryUse; after: MemoryUse }> {
  let use = await measure(makeStep(), warmUp);
  for (let more = 0; more < 2 && use.after.outsideHeap - use.before.outsideHeap >= mostOutsideHeap; more++) use = await measure(makeStep());
  return use;
}

describe('memory', () => {
  onEveryBackend(() => {
    test('stays exactly flat over 10,000 steps in arenas', async () => {
      const { before, after } = await measureRuns(() => {
        const step = trainingStep();
        return () => inArena(step);
      });
      // The memory may shrink, because arrays of earlier tests may be collected only now.
      expect(after.inBackend).toBeLessThanOrEqual(before.inBackend);
      expect(after.peakInBackend).toBe(before.peakInBackend);
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(mebibyte);
      expect(after.heapUsed - before.heapUsed).toBeLessThan(mebibyte);
      expect(after.outsideHeap - before.outsideHeap).toBeLessThan(mostOutsideHeap);
    });

    test('stays bounded over 10,000 steps without arenas, in one turn of the event loop', async () => {
      // The steps leave garbage until it is collected, so the peak of the memory varies, and malloc keeps this memory. So the warm-up has
      // as many steps as the measurement.
      const { before, after } = await measureRuns(trainingStep, steps);
      expect(after.inBackend - before.inBackend).toBeLessThan(mebibyte);
      expect(after.peakInBackend - before.peakInBackend).toBeLessThan(32 * mebibyte);
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(mebibyte);
      expect(after.heapUsed - before.heapUsed).toBeLessThan(mebibyte);
      expect(after.outsideHeap - before.outsideHeap).toBeLessThan(mostOutsideHeap);
    });

    test('of an arena is freed if the step throws', async () => {
      const use = (): number => backend().memoryUse().bytes;
      const before = use();
      expect(() =>
        inArena(() => {
          zeros([1000]).add(1);
          throw new RangeError('step failed');
        }),
      ).toThrow('step failed');
      expect(use()).toBe(before);
    });

    test('of gradients that are not referenced any more is collected', async () => {
      const x = randn([1000]).requiresGrad_();
      const step = (): void => {
        x.grad = null;
        x.sum().backward();
      };
      step();
      const before = await memoryUse();
      for (let i = 0; i < 1_000; i++) step();
      const after = await memoryUse();
      expect(after.inBackend - before.inBackend).toBeLessThan(mebibyte / 8);
    });
  });
});
