// The available memory. Some default settings are a share of it.
import { totalmem } from 'node:os';

/** Returns the memory of this machine or, if it has less, of this process's container, in bytes. */
export function machineMemoryBytes(): number {
  // Without a limit on this process, it is 0 or a very large number.
  const constrained = process.constrainedMemory();
  return Math.min(totalmem(), constrained > 0 ? constrained : Infinity);
}
