// Files of weights that PyTorch and safetensors wrote (see make.py), and what PyTorch reads from them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Numbers by tensor, row-major. */
type Values = Readonly<Record<string, readonly number[]>>;

export const weightFilePath = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const weightFile = (name: string): Buffer => readFileSync(weightFilePath(name));

/** @param name of a file without its ending */
export function valuesOf(name: string): Values {
  return (JSON.parse(weightFile('values.json').toString()) as Record<string, Values>)[name] ?? {};
}
