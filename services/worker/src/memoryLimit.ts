// The memory limit of a training process: how the worker passes it to the process, and how the process reports that it exceeded it.

/** Returns the argument that sets the memory limit for the tensors of a child's jobs, in bytes. */
export const memoryArgument = (bytes: number): string => `${MEMORY}${bytes}`;

const MEMORY = '--memory-bytes=';

/** Reads {@link memoryArgument}. Returns infinity if it is missing: then there is no limit. */
export function memoryBytesOf(argv: readonly string[]): number {
  const argument = argv.find((each) => each.startsWith(MEMORY));
  return argument === undefined ? Number.POSITIVE_INFINITY : Number(argument.slice(MEMORY.length));
}

/** Bytes that a training process may use in addition to the limit of its job: for Node, threads and prepared batches. */
const processBytes = 256 * 2 ** 20;

/** Returns the limit of a training process's resident memory, for jobs with the given limit. Both in bytes. */
export const residentLimitOf = (memoryBytes: number): number => memoryBytes + processBytes;

/** The line that a process writes to stderr before it ends because of its memory limit, and its parser. */
export const overMemory = {
  format: (resident: number, limit: number): string => `\nmemory limit exceeded: ${resident} of ${limit} bytes\n`,
  parse: (lastWords: string): { readonly resident: number; readonly limit: number } | null => {
    const [, resident, limit] = /memory limit exceeded: (\d+) of (\d+) bytes/.exec(lastWords) ?? [];
    return resident === undefined ? null : { resident: Number(resident), limit: Number(limit) };
  },
};
