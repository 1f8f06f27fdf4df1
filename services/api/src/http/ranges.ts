// Conditional and partial requests for a file that has a strong ETag (RFC 9110 §13 and §14). Pure header
// arithmetic: it opens no file. Several ranges at once are answered with the whole file, as the RFC allows.

/** First and last byte, both included. */
export type ByteRange = { first: number; last: number };

/** Whether an If-None-Match header names this strong ETag (weak comparison, so `W/"x"` matches `"x"`). */
export function matchesETag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag.replace(/^W\//, '') === etag;
  });
}

/**
 * What a Range header asks of a file of `size` bytes: one range, `'whole'` if there is none, or it is not understood,
 * or its If-Range condition does not hold, and `'unsatisfiable'` if it begins beyond the end.
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
