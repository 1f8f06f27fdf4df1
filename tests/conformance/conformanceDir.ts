// Where the conformance tests read PyTorch's answers from: the folder named by CONFORMANCE_DIR, or the copy beside this
// file. Every conformance test reads its JSON through here, so another set in the same format needs no other change.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the folder in use. A relative CONFORMANCE_DIR counts from the current working directory. */
export const conformanceDir: string = process.env['CONFORMANCE_DIR']
  ? resolve(process.env['CONFORMANCE_DIR'])
  : dirname(fileURLToPath(import.meta.url));

/** A tensor as the files hold it: flat, row-major. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int64';
  readonly data: readonly number[];
}

/**
 * The parsed content of one file of the set, e.g. `readConformance("rng.json")`. The type is the caller's statement of
 * the format that README.md describes; nothing checks it beyond JSON's own syntax.
 */
export function readConformance<T>(file: string): T {
  return JSON.parse(readFileSync(resolve(conformanceDir, file), 'utf8')) as T;
}
