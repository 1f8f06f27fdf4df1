// The processes of the service and the memory that each may have. A bound is what the process may hold by its settings, and what
// Node or Redis needs beside that.

const MiB = 2 ** 20;

/** The most that a job may ask for in this run, in bytes: TRAINYARD_MAX_MEMORY_BYTES. */
export const jobMemoryBytes = 1e9;

/** The maxmemory of Redis in this run. */
export const redisMemoryBytes = 512 * MiB;

export interface ProcessKind {
  readonly name: string;
  /** Finds its processes by their command. */
  readonly command: RegExp;
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

export const kindOf = (command: string): ProcessKind | undefined => processKinds.find((kind) => kind.command.test(command));
