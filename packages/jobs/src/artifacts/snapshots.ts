// What is kept of single epochs beside their metrics: one JSON document an epoch, many of them in one file, so that a job of many
// short epochs has few files. A run that is made again makes the same documents, so files that overlap agree.
import { text } from 'node:stream/consumers';
import { ArtifactError } from '../errors.ts';
import type { ArtifactStore } from './artifactStore.ts';

/** Of what there is a document an epoch. */
export const snapshotKinds = ['gradients', 'evaluation'] as const;
export type SnapshotKind = (typeof snapshotKinds)[number];

/** The first and the last epoch in a file; some between may be missing. */
interface Span {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

const fileName = /^(gradients|evaluation)-(\d+)-(\d+)\.jsonl$/;

/** The artifact that holds the documents of these epochs. */
export function snapshotName(kind: SnapshotKind, first: number, last: number): string {
  return `${kind}-${first}-${last}.jsonl`;
}

export function isSnapshotName(name: string): boolean {
  return fileName.test(name);
}

/** One line of a file: the epoch stands first, by which it is found. */
export function snapshotLine({ epoch, ...document }: { readonly epoch: number }): string {
  return `${JSON.stringify({ epoch, ...document })}\n`;
}

const lineStart = /^\{"epoch":(\d+)[,}]/;

/**
 * An epoch's document, or the last epoch's.
 * @returns null if there is none; `nearest` is then the epoch nearest to it that has one, null without any
 */
export async function readSnapshot(
  artifacts: ArtifactStore,
  jobId: string,
  kind: SnapshotKind,
  epoch?: number,
): Promise<{ readonly document: unknown } | { readonly document: null; readonly nearest: number | null }> {
  const spans = (await artifacts.names(jobId)).flatMap((name) => spanOf(name, kind));
  const wanted = epoch ?? Math.max(...spans.map(({ last }) => last));
  let nearest: number | null = null;
  // Those with the epoch come first, then those that reach nearest to it.
  // Of several that have it, the one begun last is the job's own, where it began with another one's.
  const byDistance = spans.toSorted((a, b) => distance(a, wanted) - distance(b, wanted) || b.first - a.first || b.last - a.last);
  for (const span of byDistance) {
    if (distance(span, wanted) > 0 && nearest !== null) break;
    const lines = await linesOf(artifacts, jobId, span.name);
    const found = lines.get(wanted);
    if (found !== undefined) return { document: JSON.parse(found) as unknown };
    for (const other of lines.keys()) {
      if (nearest === null || Math.abs(other - wanted) < Math.abs(nearest - wanted)) nearest = other;
    }
  }
  return { document: null, nearest };
}

/** Gives a job the documents that another one has of its epochs up to `last`. */
export async function copySnapshots(artifacts: ArtifactStore, from: string, to: string, last: number): Promise<void> {
  const names = await artifacts.names(from);
  for (const kind of snapshotKinds) {
    for (const span of names.flatMap((name) => spanOf(name, kind))) {
      if (span.last <= last) await copyFile(artifacts, span.name, from, to);
      else if (span.first <= last) {
        const lines = [...(await linesOf(artifacts, from, span.name))].filter(([epoch]) => epoch <= last);
        const text = lines.map(([, line]) => `${line}\n`).join('');
        if (text !== '')
          await artifacts.putBytes(to, snapshotName(kind, span.first, lines.at(-1)?.[0] ?? last), new TextEncoder().encode(text));
      }
    }
  }
}

async function copyFile(artifacts: ArtifactStore, name: string, from: string, to: string): Promise<void> {
  try {
    await artifacts.copy({ jobId: from, name }, { jobId: to, name });
  } catch (error) {
    // The job was deleted meanwhile: its successor can do without.
    if (!(error instanceof ArtifactError && error.code === 'artifactNotFound')) throw error;
  }
}

function spanOf(name: string, kind: SnapshotKind): Span[] {
  const [, named, first, last] = fileName.exec(name) ?? [];
  return named === kind ? [{ name, first: Number(first), last: Number(last) }] : [];
}

function distance({ first, last }: Span, epoch: number): number {
  return Math.max(0, first - epoch, epoch - last);
}

/** Lines by epoch; none of a file that was deleted meanwhile. */
async function linesOf(artifacts: ArtifactStore, jobId: string, name: string): Promise<ReadonlyMap<number, string>> {
  try {
    const lines = (await text(await artifacts.open(jobId, name))).split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => [Number(lineStart.exec(line)?.[1]), line]));
  } catch (error) {
    if (error instanceof ArtifactError && error.code === 'artifactNotFound') return new Map();
    throw error;
  }
}
