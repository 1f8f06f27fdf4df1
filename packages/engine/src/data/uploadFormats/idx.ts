// A pair of files as MNIST has it: unsigned bytes, images and their labels.
import { defineUploadFormat } from './define.ts';

export const idx = defineUploadFormat({ name: 'idx', title: 'IDX files', parts: 'pair', options: {} });
