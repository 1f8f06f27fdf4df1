// What makes two jobs the same computation, so that the weights of one are those of the other; see `reuse` of a new job. The engine's
// version counts too, and is compared with that of the result.
import { createHash } from 'node:crypto';
import type { JobSpec } from '@trainyard/engine';
import { canonicalJson } from './canonicalJson.ts';

/** What of a spec has no part in its result. */
const beside = new Set(['name', 'labels', 'priority', 'threads']);

/**
 * Of a job that begins with drawn weights, or with those of this digest, and with no other job's checkpoint. Uploaded data count by what
 * they hold, wherever they are kept; published datasets by `dataDigest`, see {@link dataDigestOf}.
 */
export function reuseKeyOf(spec: JobSpec, initialWeights: string | null, dataDigest: string | null = null): string {
  const { data, ...rest } = spec;
  const counted = Object.fromEntries(Object.entries(rest).filter(([field]) => !beside.has(field)));
  const read = 'content' in data ? { ...data, dataset: 'uploaded' } : data;
  const text = canonicalJson({ ...counted, data: read, initialWeights, ...(dataDigest !== null && { dataDigest }) });
  return createHash('sha256').update(text).digest('hex');
}

/** The list of the jobs with this key; no label of a user's has its first character. */
export function reuseLabel(key: string): string {
  return `\u007f${key}`;
}
