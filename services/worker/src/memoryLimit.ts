// How much memory a training process may hold: how the worker tells it, and how the process tells the worker that it holds more.

/** The argument of a training child that says how many bytes the tensors of its jobs may take. */
export const memoryArgument = (bytes: number): string => `${MEMORY}${bytes}`;

const MEMORY = '--memory-bytes=';

/** Reads {@link memoryArgument}; without one, there is no bound. */
export function memoryBytesOf(argv: readonly string[]): number {
  const argument = argv.find((each) => each.startsWith(MEMORY));
  return argument === undefined ? Number.POSITIVE_INFINITY : Number(argument.slice(MEMORY.length));
}

/** What a training process may take beside what its job was admitted with: Node, its threads, batches that are gathered ahead. */
const processBytes = 256 * 2 ** 20;

/** The most resident memory of a training process whose jobs may take so much. */
export const residentLimitOf = (memoryBytes: number): number => memoryBytes + processBytes;

/** The last words of a process that ends because it holds more memory than it may. */
export const overMemory = {
  say: (resident: number, limit: number): string => `\nmemory limit exceeded: ${resident} of ${limit} bytes\n`,
  heard: (lastWords: string): { readonly resident: number; readonly limit: number } | null => {
    const [, resident, limit] = /memory limit exceeded: (\d+) of (\d+) bytes/.exec(lastWords) ?? [];
    return resident === undefined ? null : { resident: Number(resident), limit: Number(limit) };
  },
};
