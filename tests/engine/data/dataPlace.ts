// One file of a dataset, as published and as it is unpacked, and for each test a folder that files of datasets are looked for in.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { idxPair, published } from './idxFiles.ts';

export const content = idxPair(Array.from({ length: 40 }, (_, i) => i % 10)).images;
export const name = 'images-idx3-ubyte.gz';
export const packed = published(name, content, '').packed;

/** The file as a dataset names it, offered at `base`. */
export const offered = (base: string) => published(name, content, `${base}/mnist/${name}`).file;

/** Gives each test of the file that calls it a folder, which goes with the test. */
export function eachWithFolder() {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'trainyard-files-'));
  });
  afterEach(async () => {
    await rm(root, { recursive: true });
  });
  return {
    get root() {
      return root;
    },
    /** The program's home; not made yet. */
    get home() {
      return join(root, 'home');
    },
    /** What the program has of the dataset in its home. */
    inHome: async () => await readdir(join(root, 'home', 'datasets', 'mnist')).catch(() => []),
    /** The error of a read that must fail; its message names the file and the remedy, and no place on the machine. */
    failure: async (read: Promise<unknown>): Promise<Error & { code?: string }> => {
      const error = await read.then(
        () => new Error('the read succeeded'),
        (reason: unknown) => reason as Error & { code?: string },
      );
      expect(error.message).toContain(`mnist/${name.replace('.gz', '')}`);
      expect(error.message).not.toContain(root);
      return error;
    },
  };
}
