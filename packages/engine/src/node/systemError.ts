// What the operating system or the network says when something fails, reduced to its code: messages of theirs hold
// paths and addresses that are nobody else's business.

/** ENOENT, ECONNREFUSED, Z_DATA_ERROR, … of an error or of what caused it; its name if it has none. */
export function errorCode(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') return current.code;
  }
  return error instanceof Error ? error.name : 'unknown error';
}

export function isAbsent(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
