// Weights files that PyTorch and safetensors have written (see make.py), and the values that PyTorch reads from them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The numbers of each tensor, in row-major order. */
type Values = Readonly<Record<string, readonly number[]>>;

export const weightFilePath = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const weightFile = (name: string): Buffer => readFileSync(weightFilePath(name));

/** Returns the values that PyTorch reads from a file. @param name the name of the file without its extension */
export function valuesOf(name: string): Values {
  return (JSON.parse(weightFile('values.json').toString()) as Record<string, Values>)[name] ?? {};
}
