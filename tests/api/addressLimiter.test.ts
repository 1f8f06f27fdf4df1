// The limit of requests without an API key, which each API process counts in memory.
import { expect, test } from 'vitest';
import { AddressLimiter } from '../../services/api/src/http/addressLimiter.ts';

/** The outcome of each of `count` requests of an address. */
const outcomes = (limiter: AddressLimiter, address: string, count: number): boolean[] =>
  Array.from({ length: count }, () => limiter.take(address).isAllowed);

test('an address may use its requests of a minute at once, and the wait for the next one is at most its share of the minute', () => {
  for (const perMinute of [1, 3, 7, 6_000]) {
    const limiter = new AddressLimiter(perMinute);
    // At 6,000 a minute, another request is allowed after 10 ms, so the loop only expects that at least 6,000 are.
    expect(outcomes(limiter, 'a', perMinute)).toEqual(Array.from({ length: perMinute }, () => true));
    if (perMinute === 6_000) continue;
    const refused = limiter.take('a');
    expect(refused).toEqual({ isAllowed: false, retryAfterMs: expect.any(Number) as number });
    const { retryAfterMs } = refused as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(Math.ceil(60_000 / perMinute));
    expect(limiter.take('b')).toEqual({ isAllowed: true });
  }
});

test('the address whose last request is the oldest is forgotten after 10,000 others, so that the counts cannot fill the memory', () => {
  const limiter = new AddressLimiter(1);
  limiter.take('first');
  for (let other = 1; other < 10_000; other++) limiter.take(`other ${other}`);
  expect(limiter.take('first').isAllowed).toBe(false);
  limiter.take('one more');
  expect(limiter.take('other 1').isAllowed).toBe(false);
  expect(limiter.take('first').isAllowed).toBe(true);
});
