// A small disk that a test can fill: a tmpfs, which only root can mount.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mount = (path: string, megabytes: number): boolean =>
  process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', path]).status === 0;
const unmount = (path: string): void => void spawnSync('umount', ['-l', path]);

/** Whether this process may mount such disks. Tests that need one use `test.skipIf(!hasSmallDisks)`. */
export const hasSmallDisks = ((): boolean => {
  const path = mkdtempSync(join(tmpdir(), 'trainyard-disk-'));
  const isMounted = mount(path, 1);
  if (isMounted) unmount(path);
  rmdirSync(path);
  return isMounted;
})();

export class SmallDisk {
  /** The path of the disk. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(megabytes: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'trainyard-disk-'));
    if (!mount(path, megabytes)) throw new Error('no disk could be mounted');
    return new SmallDisk(path);
  }

  /** Fills the disk completely. */
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

  /** Frees the space that `fill` used. */
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
