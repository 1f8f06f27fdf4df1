// Work on many things of which one may fail, again and again: it must not keep the others from being seen to.

/**
 * Does something for each, one after the other, also after one for which it failed.
 * @throws what the first failure threw, after the last
 */
export async function eachInTurn<T>(things: readonly T[], act: (thing: T) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (const thing of things) {
    try {
      await act(thing);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
