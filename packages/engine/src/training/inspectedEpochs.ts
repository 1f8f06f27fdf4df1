// Which epochs of a run are looked into: all of a usual run, and fewer and fewer of one with thousands, so that what is kept of it
// does not grow with its length. It follows from the epoch's number alone.

/** Up to here every epoch is. */
const ALL_UP_TO = 1000;

/** Whether this epoch is looked into: each up to 1,000, then each tenth up to 10,000, and so on; and the last. */
export function isInspected(epoch: number, epochs: number): boolean {
  if (epoch === epochs) return true;
  let every = 1;
  while (epoch > every * ALL_UP_TO) every *= 10;
  return epoch % every === 0;
}
