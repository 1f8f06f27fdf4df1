// Images in one folder per class.
import { defineUploadFormat } from './define.ts';

export const images = defineUploadFormat({ name: 'images', title: 'an archive of images', parts: 'file', options: {} });
