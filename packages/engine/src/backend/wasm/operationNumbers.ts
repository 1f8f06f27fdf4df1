// The numbers that operations have in the kernels.

/** Returns the number of each operation of a list of definitions.ts: its place in the list. */
export const numbersOf = <Op extends string>(ops: readonly Op[]): Readonly<Record<Op, number>> =>
  Object.fromEntries(ops.map((op, number) => [op, number])) as Record<Op, number>;
