// A disk of some megabytes that a test can fill: a tmpfs, for which one has to be root.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mount = (path: string, megabytes: number): boolean =>
  process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', path]).status === 0;
const unmount = (path: string): void => void spawnSync('umount', ['-l', path]);

/** Whether this process may make such disks. For `test.skipIf(!hasSmallDisks)`, so that tests that need one show up as skipped. */
export const hasSmallDisks = ((): boolean => {
  const path = mkdtempSync(join(tmpdir(), 'trainyard-disk-'));
  const isMounted = mount(path, 1);
  if (isMounted) unmount(path);
  rmdirSync(path);
  return isMounted;
})();

export class SmallDisk {
  /** Where it is. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(megabytes: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'trainyard-disk-'));
    if (!mount(path, megabytes)) throw new Error('no disk could be mounted');
    return new SmallDisk(path);
  }

  /** Leaves no byte free. */
  async fill(): Promise<void> {
    await mkdir(this.#filler, { recursive: true });
    for (const [index, bytes] of [2 ** 18, 2 ** 16, 2 ** 14, 2 ** 12].entries()) {
      for (let file = 0; ; file++) {
        const written = await writeFile(join(this.#filler, `${index}-${file}`), Buffer.alloc(bytes)).then(
          () => true,
          () => false,
        );
        if (!written) break;
      }
    }
  }

  /** Frees what `fill` took. */
  async free(): Promise<void> {
    await rm(this.#filler, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    unmount(this.path);
    await rmdir(this.path);
  }

  get #filler(): string {
    return join(this.path, 'filler');
  }
}
