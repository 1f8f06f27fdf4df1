// A pair of NumPy arrays.
import { defineUploadFormat } from './define.ts';

export const npy = defineUploadFormat({ name: 'npy', title: 'NPY arrays', parts: 'pair', options: {} });
