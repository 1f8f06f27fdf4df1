// Describes why a training child ended unexpectedly, for the log and for the record of its job.
import { overMemory } from './memoryLimit.ts';
import { outOfMemory, type Reason } from './runError.ts';

export interface ChildDeath {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The child sent no heartbeat any more and was killed. */
  isFrozen: boolean;
  /** The last few kilobytes of the child's standard error, such as a stack or an error of V8. For the log. */
  lastWords: string;
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

/** Returns the cause and what to try. It becomes the `error` of a job that is not retried. */
export function describeDeath(death: ChildDeath): Reason {
  const over = overMemory.parse(death.lastWords);
  if (over !== null) {
    return {
      code: outOfMemory.code,
      message: `the training process used ${gigabytes(over.resident)} GB of memory, and its limit is ${gigabytes(over.limit)} GB; try a smaller batchSize, fewer or narrower layers, or a trainLimit`,
    };
  }
  if (/heap out of memory|Reached heap limit|allocation failed/i.test(death.lastWords)) {
    return outOfMemory;
  }
  if (death.isFrozen) {
    return {
      code: 'childFrozen',
      message:
        'the training process sent no heartbeat for several seconds and was killed; check the load and the free memory of the machine',
    };
  }
  if (death.signal === 'SIGKILL') {
    return {
      code: 'childKilled',
      message:
        'the training process was killed (SIGKILL); the kernel does that when memory runs out; ' +
        'try a smaller batchSize or a smaller model, or give the worker more memory',
    };
  }
  if (death.signal !== null) {
    return {
      code: 'childCrashed',
      message: `the training process was ended by ${death.signal}; submit the job again, and report it with its spec if this repeats`,
    };
  }
  return {
    code: 'childCrashed',
    message: `the training process ended with exit code ${death.code}; submit the job again, and report it with its spec if this repeats`,
  };
}
