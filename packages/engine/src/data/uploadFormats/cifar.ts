// The binary batches of CIFAR-10, one part each.
import { defineUploadFormat } from './define.ts';

export const cifar = defineUploadFormat({ name: 'cifar', title: 'CIFAR batches', parts: 'files', options: {} });
