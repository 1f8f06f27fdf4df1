// Closes what a process has opened, in reverse order. So each part is closed before the parts that it uses.
import { setTimeout as delay } from 'node:timers/promises';

/** Something was to be opened, but `close` had been called already. */
export class ClosedError extends Error {
  readonly code = 'closed';

  constructor() {
    super('it was closed before everything was open');
    this.name = 'ClosedError';
  }
}

export class CloseStack {
  readonly #closers: (() => unknown)[] = [];
  #closing: Promise<void> | undefined;

  /** Whether `close` has been called. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Opens something. If `close` is called before it is open, `close` waits for it and then closes it.
   * @throws ClosedError if `close` was called before it was open
   * @throws the error of `open`
   */
  async open<T>(open: () => Promise<T>, close: (opened: T) => unknown): Promise<T> {
    this.throwIfClosing();
    const opening = open();
    this.defer(async () => {
      const [result] = await Promise.allSettled([opening]);
      if (result.status === 'fulfilled') await close(result.value);
    });
    const opened = await opening;
    this.throwIfClosing();
    return opened;
  }

  /** Adds a function that `close` calls before all earlier ones. @throws ClosedError if `close` has been called */
  defer(close: () => unknown): void {
    this.throwIfClosing();
    this.#closers.push(close);
  }

  /** @throws ClosedError if `close` has been called */
  throwIfClosing(): void {
    if (this.isClosing) throw new ClosedError();
  }

  /**
   * Closes everything, the last opened part first, each after the one before it. Safe to call twice.
   * @throws the first error of a part that could not be closed. The other parts are closed nevertheless
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.#closers.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** Waits for the promise, at most for the given time. @returns whether it resolved in time @throws its error, if it rejects in time */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timeout = new AbortController();
  const late = delay(ms, false, { signal: timeout.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timeout.abort();
  }
}
