// NumPy arrays: a pair of NPY files, or an NPZ file with both.
import { z } from 'zod';
import { layouts } from '../npyInputs.ts';
import { csv } from './csv.ts';
import { defineUploadFormat } from './define.ts';

export const npy = defineUploadFormat({
  name: 'npy',
  title: 'NPY arrays',
  parts: 'pairOrFile',
  options: {
    layout: z
      .enum(layouts)
      .optional()
      .describe(
        'Of arrays of images: `channelsFirst` for [samples, channels, rows, columns], `channelsLast` for [samples, rows, columns, channels]. Default: `channelsFirst`; if the shape looks different, the upload is refused',
      ),
    targetKind: csv.options.targetKind,
  },
});
