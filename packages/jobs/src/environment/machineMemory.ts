// The memory that defaults are a share of.
import { totalmem } from 'node:os';

/** The memory of this machine in bytes, or of this process's container if that has less. */
export function machineMemoryBytes(): number {
  // 0, or more than there is, where nothing limits this process.
  const constrained = process.constrainedMemory();
  return Math.min(totalmem(), constrained > 0 ? constrained : Infinity);
}
