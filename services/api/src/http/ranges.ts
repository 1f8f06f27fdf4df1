// Evaluates the headers of conditional and partial requests for a file with a strong ETag (RFC 9110 §13 and §14). A request for several
// ranges gets the whole file, as the RFC allows.

/** The indices of the first and the last byte. Both bytes belong to the range. */
export type ByteRange = { first: number; last: number };

/** Returns whether an If-None-Match header contains this strong ETag. The comparison is weak: `W/"x"` matches `"x"`. */
export function matchesETag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag.replace(/^W\//, '') === etag;
  });
}

/**
 * Returns the range that a request wants of a file.
 * @param size the size of the file, in bytes
 * @returns `'whole'` if the request has no valid Range header with one range, or its If-Range header has another ETag; `'unsatisfiable'` if
 *   the range is empty or begins after the end of the file
 */
export function requestedRange(
  headers: { range?: string | undefined; 'if-range'?: string | string[] | undefined },
  size: number,
  etag: string,
): ByteRange | 'whole' | 'unsatisfiable' {
  const condition = headers['if-range'];
  if (headers.range === undefined || (condition !== undefined && condition !== etag)) return 'whole';
  const match = /^bytes=(\d*)-(\d*)$/.exec(headers.range.replaceAll(' ', ''));
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return 'whole';
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  if (to !== '' && Number(to) < Number(from)) return 'whole';
  if (Number(from) >= size) return 'unsatisfiable';
  return { first: Number(from), last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}
