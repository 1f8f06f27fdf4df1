// Names of a conformance file that the engine does not know yet: printed, so that a run says what it did not check.

/** Prints the names of `file`'s cases that have no entry in the table, each with the number of its cases. */
export function listMissing(file: string, names: readonly string[], table: object): void {
  const missing = new Map<string, number>();
  for (const name of names) if (!Object.hasOwn(table, name)) missing.set(name, (missing.get(name) ?? 0) + 1);
  if (missing.size === 0) return;
  const count = [...missing.values()].reduce((a, b) => a + b);
  const list = [...missing].map(([name, cases]) => `${name} (${cases})`).join(', ');
  console.warn(`${file}: ${missing.size} names with ${count} of ${names.length} cases are missing from the engine: ${list}`);
}
