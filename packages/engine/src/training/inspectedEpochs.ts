// Chooses the epochs whose gradients and evaluations are reported: all epochs at first, and in a long run fewer and fewer, so
// that the stored data stays small. The choice depends only on the epoch's number and the number of epochs.

/** Every epoch up to this one is inspected. */
const ALL_UP_TO = 1000;

/** Returns whether an epoch is inspected: every epoch up to 1,000, every tenth up to 10,000, and so on, and the last epoch. */
export function isInspected(epoch: number, epochs: number): boolean {
  if (epoch === epochs) return true;
  let every = 1;
  while (epoch > every * ALL_UP_TO) every *= 10;
  return epoch % every === 0;
}
