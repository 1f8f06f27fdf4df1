// Renames tensors by regular expressions that a user wrote. They run in a separate thread with limits of time and memory, so that an
// expression that takes for ever disturbs nobody.
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { type Rename, show, SpecError } from '@trainyard/engine/spec';
import { LRUCache } from 'lru-cache';

/** What the thread gets. */
export interface RenamesGiven {
  readonly names: readonly string[];
  readonly renames: readonly Rename[];
  /** The processor time of all renames together, in milliseconds. */
  readonly timeoutMs: number;
  /** How often the time is given anew where the processor time is not known. */
  readonly mostAttempts: number;
  readonly longestName: number;
}

/** What the thread answers: the new names in the order of the given names, or the index of the rename at which it stopped. */
export type RenamesDone =
  | { readonly outcome: 'done'; readonly names: readonly string[]; readonly unmatched: readonly number[] }
  | { readonly outcome: 'timeout' | 'tooLong'; readonly index: number };

export interface RenamedNames {
  /** The new names in the order of the given names. */
  readonly names: readonly string[];
  /** The indices of the renames that match no name. */
  readonly unmatched: readonly number[];
}

/** Limits how many threads run at the same time. The keys that wait take turns. */
export interface RenameTurns {
  acquire(key: string): Promise<() => void>;
}

/** The time in which all renames of a spec must be applied, in milliseconds. */
const TIMEOUT_MS = 50;
/** On a busy machine the thread may not have run during the time. */
const MOST_ATTEMPTS = 3;
/** The most characters of a name after a rename. */
const LONGEST_NAME = 1000;
/** How many results are kept. The trials of a sweep ask for the same result. */
const KEPT_RESULTS = 16;

const threadModule = new URL('./renameThread.js', import.meta.url);

export class Renames {
  readonly #turns: RenameTurns;
  readonly #done = new LRUCache<string, Promise<RenamesDone>>({ max: KEPT_RESULTS });

  constructor(turns: RenameTurns) {
    this.#turns = turns;
  }

  /**
   * Applies the renames to the names, one after the other.
   * @param key the owner of the spec, for the turns
   * @throws SpecError if the renames take longer than 50 ms, if a new name is too long, or if two names become the same
   */
  async apply(key: string, names: readonly string[], renames: readonly Rename[]): Promise<RenamedNames> {
    const id = createHash('sha256')
      .update(JSON.stringify([names, renames]))
      .digest('hex');
    const known = this.#done.get(id);
    const running =
      known ?? this.#run(key, { names, renames, timeoutMs: TIMEOUT_MS, mostAttempts: MOST_ATTEMPTS, longestName: LONGEST_NAME });
    if (known === undefined) this.#done.set(id, running);
    const done = await running.catch((error: unknown) => {
      this.#done.delete(id);
      throw error;
    });
    if (done.outcome !== 'done') throw refusal(done, renames);
    requireDifferent(names, done.names);
    return done;
  }

  async #run(key: string, given: RenamesGiven): Promise<RenamesDone> {
    const release = await this.#turns.acquire(key);
    try {
      return await new Promise<RenamesDone>((resolve, reject) => {
        const thread = new Worker(threadModule, {
          workerData: given,
          execArgv: [],
          resourceLimits: { maxOldGenerationSizeMb: 256 },
        });
        thread.once('message', resolve);
        thread.once('error', reject);
        thread.once('exit', (code) => reject(new Error(`the thread that renames tensors exited with code ${code}`)));
      });
    } finally {
      release();
    }
  }
}

function refusal({ outcome, index }: Exclude<RenamesDone, { outcome: 'done' }>, renames: readonly Rename[]): SpecError {
  const shown = show(renames[index]?.from);
  const message =
    outcome === 'timeout'
      ? `${shown} was stopped, because the renames took longer than ${TIMEOUT_MS} ms: use a simpler expression`
      : `${shown} makes a name longer than ${LONGEST_NAME} characters: use a shorter replacement`;
  return new SpecError([
    {
      path: `/initialWeights/rename/${index}/${outcome === 'timeout' ? 'from' : 'to'}`,
      message,
      code: outcome === 'timeout' ? 'tooSlow' : 'tooLong',
    },
  ]);
}

/** @throws SpecError if two names have become the same */
function requireDifferent(former: readonly string[], names: readonly string[]): void {
  const first = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const other = first.get(name);
    if (other === undefined) first.set(name, index);
    else {
      const message = `${show(former[other])} and ${show(former[index])} would both be named ${show(name)}: rename only one of them`;
      throw new SpecError([{ path: '/initialWeights/rename', message, code: 'duplicateName' }]);
    }
  }
}
