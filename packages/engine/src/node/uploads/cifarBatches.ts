// CIFAR's binary batches, one part each.
import { cifarDataset } from '../../data/cifarBinary.ts';
import type { NamedBytes } from '../../data/files.ts';
import { numberedClasses } from '../../data/upload.ts';
import { type FormatReader, readHalves } from './uploadParts.ts';

export const readCifarBatches: FormatReader = async (upload, context) =>
  await readHalves(
    context,
    async (names) => {
      const files = upload.of(names.file);
      if (files.length === 0) return null;
      const batches: NamedBytes[] = [];
      for (const [i, file] of files.entries()) {
        const batch = await upload.read(file);
        batches.push(files.length === 1 ? batch : { ...batch, name: `${batch.name} ${i + 1}` });
      }
      const dataset = cifarDataset(batches, numberedClasses(256), Number.POSITIVE_INFINITY);
      const classes = numberedClasses(1 + Math.max(...new Set<number>(dataset.targets)));
      return { ...dataset, target: { kind: 'class', classes } };
    },
    ({ file }) => file,
  );
