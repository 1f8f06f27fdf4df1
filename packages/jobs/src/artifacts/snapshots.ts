// Snapshots of epochs: one JSON document for each epoch. A file holds many documents, so that a job with many short epochs has few files.
// An epoch that is trained again has the same document. So if several files contain an epoch, any of them may be read.
import { text } from 'node:stream/consumers';
import { ArtifactError } from '../errors.ts';
import type { ArtifactStore } from './artifactStore.ts';

/** The kinds of snapshots. */
export const snapshotKinds = ['gradients', 'evaluation'] as const;
export type SnapshotKind = (typeof snapshotKinds)[number];

/** The first and the last epoch of a file. Epochs in between may be missing. */
interface Span {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

const fileName = /^(gradients|evaluation)-(\d+)-(\d+)\.jsonl$/;

/** Returns the name of the artifact with the documents of these epochs. */
export function snapshotName(kind: SnapshotKind, first: number, last: number): string {
  return `${kind}-${first}-${last}.jsonl`;
}

export function isSnapshotName(name: string): boolean {
  return fileName.test(name);
}

/** Returns one line of a file. The line begins with the epoch, so that readers find it without parsing the document. */
export function snapshotLine({ epoch, ...document }: { readonly epoch: number }): string {
  return `${JSON.stringify({ epoch, ...document })}\n`;
}

const lineStart = /^\{"epoch":(\d+)[,}]/;

/**
 * Returns the document of an epoch. If the epoch has no document, `document` is null and `nearest` is the nearest epoch with a document.
 * `nearest` is null if no epoch has a document.
 * @param epoch default: the last epoch with a document
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
  // Files that contain the epoch come first, then files with the nearest epochs. If several files contain it, the one that begins last is
  // first: the job itself wrote it, and the others may be copies from another job.
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

/** Copies the documents of the epochs up to `last` from one job to another. */
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
    // The job was deleted meanwhile. The new job does not need the documents.
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

/** Returns the lines of a file by epoch; none if the file was deleted meanwhile. */
async function linesOf(artifacts: ArtifactStore, jobId: string, name: string): Promise<ReadonlyMap<number, string>> {
  try {
    const lines = (await text(await artifacts.open(jobId, name))).split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => [Number(lineStart.exec(line)?.[1]), line]));
  } catch (error) {
    if (error instanceof ArtifactError && error.code === 'artifactNotFound') return new Map();
    throw error;
  }
}
