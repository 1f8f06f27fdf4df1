// That a test's table knows every name of a conformance file: what the engine lacks fails by name, with the number of its cases.
import { expect } from 'vitest';

/** Expects that there are names and that each has an entry in the table. */
export function expectKnown(file: string, names: readonly string[], table: object): void {
  const missing = new Map<string, number>();
  for (const name of names) if (!Object.hasOwn(table, name)) missing.set(name, (missing.get(name) ?? 0) + 1);
  expect(names, `${file} holds no case`).not.toEqual([]);
  expect(Object.fromEntries(missing), `names of ${file} that the engine has nothing for, with the number of their cases`).toEqual({});
}
