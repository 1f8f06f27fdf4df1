// The metrics of a job's epochs as a CSV table (RFC 4180) with a header line. It is written page by page, because a job may have 100,000
// epochs.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { EpochMetrics } from '@trainyard/contracts';
import type { EpochMetricsPage } from '@trainyard/jobs';
import type { ByteRange } from '../http/ranges.ts';
import type { FileContent } from './jobFile.ts';

/** The columns, in an order that stays: new ones go to the end. */
const columns = [
  'epoch',
  'trainLoss',
  'testLoss',
  'testAccuracy',
  'learningRate',
  'seconds',
  'samplesPerSecond',
  'gradientNorm',
] as const satisfies readonly (keyof EpochMetrics)[];

/** The largest table that stays in memory until it is sent, in bytes. A larger table is written a second time while it is sent. */
const keptBytes = 256 * 1024;

/** Yields the table in pieces, the header line first. A number that is not finite is written by its name, a missing value is empty. */
export async function* metricsCsv(pages: AsyncIterable<EpochMetricsPage>): AsyncGenerator<string, void, void> {
  yield `${columns.join(',')}\r\n`;
  for await (const { epochs } of pages) if (epochs.length > 0) yield epochs.map((epoch) => `${rowOf(epoch)}\r\n`).join('');
}

function rowOf(epoch: EpochMetrics): string {
  const nonFinite: Partial<Record<string, string>> = epoch.nonFinite ?? {};
  return columns.map((name) => nonFinite[name] ?? epoch[name] ?? '').join(',');
}

/**
 * Returns the table as a file with its size and digest. Epochs that are trained later are not included.
 * @param pagesTo returns the pages up to the event with the given id; without an id, all pages
 */
export async function metricsFile(pagesTo: (lastId?: string) => AsyncIterable<EpochMetricsPage>): Promise<FileContent> {
  const digest = createHash('sha256');
  let lastId = '0-0';
  let bytes = 0;
  let kept: Buffer[] | null = [];
  for await (const piece of metricsCsv(noting(pagesTo(), (id) => (lastId = id)))) {
    const encoded = Buffer.from(piece);
    digest.update(encoded);
    bytes += encoded.length;
    kept?.push(encoded);
    if (bytes > keptBytes) kept = null;
  }
  const whole = { first: 0, last: bytes - 1 };
  return {
    bytes,
    digest: digest.digest('hex'),
    open: (range = whole) =>
      kept === null
        ? Promise.resolve(Readable.from(partOf(metricsCsv(pagesTo(lastId)), range), { objectMode: false }))
        : Buffer.concat(kept).subarray(range.first, range.last + 1),
  };
}

async function* noting(
  pages: AsyncIterable<EpochMetricsPage>,
  note: (lastId: string) => void,
): AsyncGenerator<EpochMetricsPage, void, void> {
  for await (const page of pages) {
    note(page.lastId);
    yield page;
  }
}

async function* partOf(pieces: AsyncIterable<string>, { first, last }: ByteRange): AsyncGenerator<Uint8Array, void, void> {
  let offset = 0;
  for await (const piece of pieces) {
    const encoded = Buffer.from(piece);
    const part = encoded.subarray(Math.max(0, first - offset), Math.max(0, last + 1 - offset));
    if (part.length > 0) yield part;
    offset += encoded.length;
    if (offset > last) return;
  }
}
