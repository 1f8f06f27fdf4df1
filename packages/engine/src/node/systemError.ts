// Reduces errors of the operating system and the network to their codes, because their messages contain paths and addresses that users must
// not see.

/**
 * Returns the code of an error or of its cause, such as ENOENT, ECONNREFUSED or Z_DATA_ERROR. Without a code, returns the name of the
 * error.
 */
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
