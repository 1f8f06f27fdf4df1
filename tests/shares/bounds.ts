// The processes of the service and the memory that each may use. A bound is a sum: the data that the settings allow the process to hold, and
// the memory that Node.js or Redis needs for itself.

const MiB = 2 ** 20;

/** TRAINYARD_MAX_MEMORY_BYTES of this run: the largest memory of a job, in bytes. */
export const jobMemoryBytes = 1e9;

/** The `maxmemory` of Redis in this run, in bytes. */
export const redisMemoryBytes = 512 * MiB;

/** Processes of the service that run the same program. */
export interface ProcessKind {
  readonly name: string;
  /** Matches the command lines of these processes. */
  readonly command: RegExp;
  /** The most resident memory that one of these processes may use. */
  readonly bytes: number;
}

export const processKinds: readonly ProcessKind[] = [
  { name: 'api', command: /services\/api\/dist\/server\.js/, bytes: 1_024 * MiB },
  { name: 'worker', command: /services\/worker\/dist\/main\.js/, bytes: 512 * MiB },
  { name: 'training', command: /services\/worker\/dist\/trainJob\.js/, bytes: jobMemoryBytes + 512 * MiB },
  { name: 'upload reader', command: /services\/api\/dist\/uploads\/\w+\.js/, bytes: 2_048 * MiB },
  { name: 'predictor', command: /services\/api\/dist\/predict\/\w+\.js/, bytes: 1.5e9 + 256 * MiB },
  { name: 'redis', command: /(redis|valkey)-server/, bytes: redisMemoryBytes + 256 * MiB },
];

/** Returns the kind of a process by its command line; undefined if it does not belong to the service. */
export const kindOf = (command: string): ProcessKind | undefined => processKinds.find((kind) => kind.command.test(command));
