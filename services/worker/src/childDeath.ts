// What is known of a training child that ended without being asked to, and how its job's record tells it.
import { overMemory } from './memoryLimit.ts';
import { outOfMemory, type Reason } from './runError.ts';

export interface ChildDeath {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It gave no sign of life any more, and was killed for that. */
  isFrozen: boolean;
  /** The last few kilobytes that the child wrote to its standard error: V8's last words, or a stack. For the log. */
  lastWords: string;
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

/** Names the end and what to try: for `error` of a job that is not tried again. */
export function describeDeath(death: ChildDeath): Reason {
  const over = overMemory.heard(death.lastWords);
  if (over !== null) {
    return {
      code: outOfMemory.code,
      message: `the training process held ${gigabytes(over.resident)} GB of memory, and may hold ${gigabytes(over.limit)} GB; try a smaller batchSize, fewer or narrower layers, or a trainLimit`,
    };
  }
  if (/heap out of memory|Reached heap limit|allocation failed/i.test(death.lastWords)) {
    return outOfMemory;
  }
  if (death.isFrozen) {
    return {
      code: 'childFrozen',
      message:
        'the training process gave no sign of life for several seconds and was killed; look at the load and the memory of the machine',
    };
  }
  if (death.signal === 'SIGKILL') {
    return {
      code: 'childKilled',
      message:
        'the training process was killed (SIGKILL), as the kernel does when memory runs out; ' +
        'try a smaller batchSize or a smaller model, or give the worker more memory',
    };
  }
  if (death.signal !== null) {
    return {
      code: 'childCrashed',
      message: `the training process was ended by ${death.signal}; submit the job again, and if it ends so again, report it with its spec`,
    };
  }
  return {
    code: 'childCrashed',
    message: `the training process ended with exit code ${death.code}; submit the job again, and if it ends so again, report it with its spec`,
  };
}
