// Whether the artifact storage can be written and read now, for readiness and metrics. Both may be asked for often: answers are kept for a
// moment, and there is one check at a time.
import type { ArtifactStore } from '@trainyard/jobs';

/** How long an answer is kept, in ms. */
const keptMs = 1_000;
/** How long the storage may take, in ms. */
const patienceMs = 3_000;

export class StorageHealth {
  readonly #artifacts: Pick<ArtifactStore, 'check'>;
  #last: { readonly at: number; readonly checked: Promise<void> } | undefined;

  constructor(artifacts: Pick<ArtifactStore, 'check'>) {
    this.#artifacts = artifacts;
  }

  /** @throws ArtifactError that says why it cannot be used; TimeoutError when it does not answer in time */
  async check(): Promise<void> {
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at > keptMs) {
      this.#last = { at: now, checked: this.#artifacts.check(AbortSignal.timeout(patienceMs)) };
    }
    await this.#last.checked;
  }

  /** The same as an answer. */
  async isUp(): Promise<boolean> {
    return await this.check().then(
      () => true,
      () => false,
    );
  }
}
