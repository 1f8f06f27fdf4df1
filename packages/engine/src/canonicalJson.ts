// JSON that is the same text for equal values.

/** Returns JSON with the fields of every object in code unit order and without white space; `''` for `undefined`. */
export function canonicalJson(value: unknown): string {
  const sorted = (_key: string, field: unknown): unknown =>
    field !== null && typeof field === 'object' && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : field;
  return JSON.stringify(value, sorted) ?? '';
}
