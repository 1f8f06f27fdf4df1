// Where the conformance tests read PyTorch's answers from: the folder named by CONFORMANCE_DIR, or the copy beside this
// file. Every conformance test reads its JSON through here, so another set in the same format needs no other change.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ownDir = dirname(fileURLToPath(import.meta.url));

/** Absolute path of the folder in use. A relative CONFORMANCE_DIR counts from the current working directory. */
export const conformanceDir: string = process.env['CONFORMANCE_DIR'] ? resolve(process.env['CONFORMANCE_DIR']) : ownDir;

/** A tensor as the files hold it: flat, row-major. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int64';
  readonly data: readonly number[];
}

/**
 * The parsed content of one file of the set, e.g. `readConformance("rng.json")`. A set that has only some of the files is
 * completed by the project's own, which is said. The type is the caller's statement of the format that README.md describes;
 * nothing checks it beyond JSON's own syntax.
 */
export function readConformance<T>(file: string): T {
  if (!readdirSync(conformanceDir).some((name) => name.endsWith('.json')))
    throw new Error(`CONFORMANCE_DIR: no JSON file in ${conformanceDir}`);
  if (existsSync(resolve(conformanceDir, file))) return read(conformanceDir, file);
  console.warn(`${conformanceDir} holds no ${file}: the project's own is used`);
  return read(ownDir, file);
}

/** The same of the project's own copy, whatever set is being run. */
export function readOwnConformance<T>(file: string): T {
  return read(ownDir, file);
}

const read = <T>(folder: string, file: string): T => JSON.parse(readFileSync(resolve(folder, file), 'utf8')) as T;
