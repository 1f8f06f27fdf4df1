// The metrics of a job's epochs as a CSV table (RFC 4180) with a header line. It is written page by page, because a job may have 100,000
// epochs.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { EpochMetrics } from '@trainyard/contracts';
import { type MetricName, metricNames } from '@trainyard/engine/spec';
import { LRUCache } from 'lru-cache';
import type { ByteRange } from '../http/ranges.ts';
import type { FileContent } from './jobFile.ts';

/** The columns of every table. Add new columns at the end, because clients may rely on the order. */
const commonColumns = [
  'epoch',
  'trainLoss',
  'testLoss',
  'testAccuracy',
  'learningRate',
  'seconds',
  'samplesPerSecond',
  'gradientNorm',
] as const satisfies readonly (keyof EpochMetrics)[];
type Column = (typeof commonColumns)[number] | MetricName;

/**
 * The largest table whose text is kept, in bytes. If a table is larger, only its size and digest are kept, and its text is written again
 * while it is sent.
 */
const keptBytes = 256 * 1024;

/** The limit for everything that is kept, in bytes. */
const allKeptBytes = 4 * 2 ** 20;

/** Yields the table in pieces, the header line first. A number that is not finite is written as its name. A missing value is empty. */
export async function* metricsCsv(pages: AsyncIterable<readonly EpochMetrics[]>): AsyncGenerator<string, void, void> {
  let columns: readonly Column[] | null = null;
  for await (const epochs of pages) {
    if (epochs.length === 0) continue;
    const isFirst = columns === null;
    const all = (columns ??= columnsOf(epochs[0]));
    yield `${isFirst ? headerOf(all) : ''}${epochs.map((epoch) => `${rowOf(epoch, all)}\r\n`).join('')}`;
  }
  if (columns === null) yield headerOf(commonColumns);
}

/** Returns the columns of a job: after the common ones, the metrics that only some data has. All epochs of a job have the same metrics. */
function columnsOf(first: EpochMetrics | undefined): readonly Column[] {
  const common: readonly string[] = commonColumns;
  const further = first === undefined ? [] : metricNames.filter((name) => !common.includes(name) && first[name] !== undefined);
  return [...commonColumns, ...further];
}

const headerOf = (columns: readonly Column[]): string => `${columns.join(',')}\r\n`;

function rowOf(epoch: EpochMetrics, columns: readonly Column[]): string {
  const nonFinite: Partial<Record<string, string>> = epoch.nonFinite ?? {};
  return columns.map((name) => nonFinite[name] ?? epoch[name] ?? '').join(',');
}

/** A table up to a certain event. It never changes. */
interface Table {
  readonly bytes: number;
  readonly digest: string;
  /** `null` if the table is large. */
  readonly text: Buffer | null;
}

/** The metrics of jobs as files. */
export class MetricsFiles {
  readonly #tables = new LRUCache<string, Table>({ maxSize: allKeptBytes, sizeCalculation: ({ text }) => 200 + (text?.length ?? 0) });

  /**
   * Returns a table as a file with its size and digest. Epochs that are trained later are not included.
   * @param key names the job and the last event of the pages
   * @param pages returns the pages up to this event
   */
  async file(key: string, pages: () => AsyncIterable<readonly EpochMetrics[]>): Promise<FileContent> {
    const table = this.#tables.get(key) ?? (await tableOf(metricsCsv(pages())));
    this.#tables.set(key, table);
    const { bytes, digest, text } = table;
    return {
      bytes,
      digest,
      open: (range = { first: 0, last: bytes - 1 }) =>
        text === null
          ? Promise.resolve(Readable.from(partOf(metricsCsv(pages()), range), { objectMode: false }))
          : text.subarray(range.first, range.last + 1),
    };
  }
}

async function tableOf(pieces: AsyncIterable<string>): Promise<Table> {
  const digest = createHash('sha256');
  let bytes = 0;
  let kept: Buffer[] | null = [];
  for await (const piece of pieces) {
    const encoded = Buffer.from(piece);
    digest.update(encoded);
    bytes += encoded.length;
    kept?.push(encoded);
    if (bytes > keptBytes) kept = null;
  }
  return { bytes, digest: digest.digest('hex'), text: kept && Buffer.concat(kept) };
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
