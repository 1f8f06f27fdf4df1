// Tests the throttle that lets a few callers continue in each turn of the event loop, so that other work runs in between.
import { EventLoopThrottle } from '@trainyard/jobs';
import { expect, test } from 'vitest';

test('many callers continue in order, a limited number in each turn of the event loop', async () => {
  const throttle = new EventLoopThrottle(10);
  const passed: number[] = [];
  let turns = 0;
  let isOver = false;
  const passedAtTurn: number[] = [];
  const count = (): void => {
    turns += 1;
    passedAtTurn.push(passed.length);
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(
    Array.from({ length: 95 }, async (_, index) => {
      await throttle.pass();
      passed.push(index);
    }),
  );
  isOver = true;
  expect(passed).toEqual(Array.from({ length: 95 }, (_, index) => index));
  expect(turns).toBeGreaterThanOrEqual(9);
  passedAtTurn.forEach((total, turn) => expect(total - (passedAtTurn[turn - 1] ?? 0)).toBeLessThanOrEqual(10));
});

test('a single caller continues at once', async () => {
  const throttle = new EventLoopThrottle(1);
  await throttle.pass();
  await throttle.pass();
});
