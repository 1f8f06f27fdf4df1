// Provides one file of a dataset, as published and unpacked, and gives each test its own folders for dataset files.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { idxPair, published } from './idxFiles.ts';

export const content = idxPair(Array.from({ length: 40 }, (_, i) => i % 10)).images;
export const name = 'images-idx3-ubyte.gz';
export const packed = published(name, content, '').packed;

/** Describes the file as a dataset does, with its URL at `base`. */
export const offered = (base: string) => published(name, content, `${base}/mnist/${name}`).file;

/** Gives each test a temporary folder, which is removed after the test. */
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
    /** The data folder, which does not exist yet. */
    get home() {
      return join(root, 'home');
    },
    /** Lists the files of the dataset in the data folder. */
    inHome: async () => await readdir(join(root, 'home', 'datasets', 'mnist')).catch(() => []),
    /** Returns the error of a read that must fail. Its message names the file and what to do, and no path of the machine. */
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
