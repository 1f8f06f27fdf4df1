// The program that reads one upload for the API (see readUpload.ts) and ends. It knows nothing but the files that it is told of.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { contentOf, npzPieces, type Splits, type TablePreparation, UploadError } from '@trainyard/engine';
import { readUpload } from '@trainyard/engine/node';
import type { ReadAnswer, ReadOrder } from './readUpload.ts';

/** The digest of what was written. */
async function write(splits: Splits, table: TablePreparation | null, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for (const piece of npzPieces(splits, table)) {
      hash.update(piece);
      await file.write(piece);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

async function answer({ files, options, limits, output }: ReadOrder): Promise<ReadAnswer> {
  try {
    const { splits, format, taken, table } = await readUpload(files, options, { limits });
    return { content: contentOf(splits, await write(splits, table, output), table), format, taken };
  } catch (error) {
    if (error instanceof UploadError) return { faults: error.faults };
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return { isDiskFull: true };
    throw error;
  }
}

// Without its parent nobody wants the answer.
process.on('disconnect', () => process.exit(1));
process.once('message', (order: ReadOrder) => {
  void answer(order).then((told) => process.send?.(told, () => process.exit(0)));
});
