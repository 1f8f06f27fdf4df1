// Large images are decoded a few at a time, in the order of their arrival, so that their memory is bounded.
import { expect, test } from 'vitest';
import { PixelBudget } from '../../../packages/engine/src/data/images/pixelBudget.ts';

const MILLION = 1_000_000;

/** Starts images of these sizes, in millions of pixels. `running` has the images that are decoded now; `end` ends one of them. */
function started(...sizes: readonly number[]) {
  const budget = new PixelBudget();
  const running = new Set<number>();
  const ends = sizes.map(() => Promise.withResolvers<void>());
  const done = sizes.map(async (size, i) => {
    await budget.run(size * MILLION, async () => {
      running.add(i);
      await ends[i].promise;
      running.delete(i);
    });
  });
  const end = async (i: number): Promise<void> => {
    ends[i].resolve();
    await done[i];
  };
  return { running, end };
}

test('images with at most 33 million pixels together are decoded at the same time, and others wait for their turn', async () => {
  const { running, end } = started(12, 12, 12, 1);
  await Promise.resolve();
  expect([...running]).toEqual([0, 1]);
  await end(1);
  expect([...running]).toEqual([0, 2, 3]);
});

test('a larger image is decoded alone', async () => {
  const { running, end } = started(1, 60, 1);
  await Promise.resolve();
  expect([...running]).toEqual([0]);
  await end(0);
  expect([...running]).toEqual([1]);
  await end(1);
  expect([...running]).toEqual([2]);
});

test('an image that cannot be decoded gives its pixels back', async () => {
  const budget = new PixelBudget();
  await expect(budget.run(60 * MILLION, async () => await Promise.reject(new Error('damaged')))).rejects.toThrow('damaged');
  expect(await budget.run(60 * MILLION, async () => await Promise.resolve(1))).toBe(1);
});
