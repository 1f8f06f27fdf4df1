// What a service process and the launcher that started it say to each other, over Node's IPC channel: the service tells
// when it is ready and where, and notices when the launcher is gone. The kernel closes the channel when the launcher
// ends, however it ends, so that no service outlives it. A service that runs on its own has no channel and needs none.

/** Sent once, when the service can serve. */
export interface ReadyMessage {
  readonly type: 'ready';
  /** Where it answers HTTP; null for a service that does not. */
  readonly url: string | null;
}

/** Tells the launcher, if there is one, that this service serves now. */
export function tellReady(url: string | null = null): void {
  // A launcher that just ended is noticed by `onLauncherGone`; that this message was lost says nothing more.
  process.send?.({ type: 'ready', url } satisfies ReadyMessage, undefined, {}, () => {});
}

/**
 * Calls `stop` once when the launcher of this process has ended; never when it has none.
 * `stop` is to end this process in an orderly way, as on SIGTERM.
 */
export function onLauncherGone(stop: () => void): void {
  if (process.send === undefined) return;
  if (process.connected) process.once('disconnect', stop);
  else queueMicrotask(stop);
}
