// Copies short lines, such as lines of images. For a few dozen bytes, a loop is faster than memory.copy.
import { loadTail, storeTail } from './memory';

/** Copies `lines` lines of `n` elements. Steps are in bytes. */
export function copyLines(from: usize, fromStep: usize, to: usize, toStep: usize, lines: i32, n: i32): void {
  const tail = n & 3;
  const whole = <usize>(n - tail) << 2;
  for (; lines > 0; lines--) {
    for (let i: usize = 0; i < whole; i += 16) v128.store(to + i, v128.load(from + i));
    if (tail > 0) storeTail(to + whole, loadTail(from + whole, tail), tail);
    from += fromStep;
    to += toStep;
  }
}
