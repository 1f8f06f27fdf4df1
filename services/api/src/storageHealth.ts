// Checks whether the artifact storage can be written and read, for readiness and metrics. Both may be requested often, so a result is
// reused for a second.
import type { ArtifactStore } from '@trainyard/jobs';

/** How long a result is reused, in ms. */
const keptMs = 1_000;
/** How long the storage may take to answer, in ms. */
const patienceMs = 3_000;

export class StorageHealth {
  readonly #artifacts: Pick<ArtifactStore, 'check'>;
  #last: { readonly at: number; readonly checked: Promise<void> } | undefined;

  constructor(artifacts: Pick<ArtifactStore, 'check'>) {
    this.#artifacts = artifacts;
  }

  /**
   * Checks the storage. The result of a recent check is used again.
   * @throws ArtifactError if the storage cannot be used
   * @throws TimeoutError if the storage does not respond in time
   */
  async check(): Promise<void> {
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at > keptMs) {
      this.#last = { at: now, checked: this.#artifacts.check(AbortSignal.timeout(patienceMs)) };
    }
    await this.#last.checked;
  }

  /** Returns whether the storage can be used. */
  async isUp(): Promise<boolean> {
    return await this.check().then(
      () => true,
      () => false,
    );
  }
}
