// Limits the bytes of a page of a list, because records may hold specs of up to a megabyte.
import type { Redis } from 'ioredis';

/** Most bytes of records on a page. A page with only one record may have more. */
export const longestPageBytes = 2 * 2 ** 20;

/**
 * Returns the ids of a page: as many as fit into `limit` and 2 MiB, but at least one.
 * @param found the ids from the beginning of the page on; one more than `limit` if there are more
 * @param fields returns the hash fields that hold most of a record's bytes
 */
export async function fittingPage(
  redis: Redis,
  found: readonly string[],
  limit: number,
  fields: (id: string) => readonly (readonly [hash: string, field: string])[],
): Promise<{ readonly page: readonly string[]; readonly hasMore: boolean }> {
  const candidates = found.slice(0, limit);
  const places = candidates.map((id) => fields(id));
  const pipeline = redis.pipeline();
  for (const [hash, field] of places.flat()) pipeline.hstrlen(hash, field);
  const replies = (await pipeline.exec()) ?? [];
  for (const [error] of replies) if (error) throw error;
  let bytes = 0;
  let at = 0;
  const cut = candidates.findIndex((_, index) => {
    for (const _place of places[index] ?? []) bytes += Number(replies[at++]?.[1] ?? 0);
    return index > 0 && bytes > longestPageBytes;
  });
  const page = cut < 0 ? candidates : candidates.slice(0, cut);
  return { page, hasMore: found.length > page.length };
}
