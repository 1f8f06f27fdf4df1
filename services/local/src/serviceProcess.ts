// One service in a process of its own: started, watched, started again when it dies, stopped in the end. It has its own
// process group, so that a Ctrl-C in the terminal reaches the launcher alone and services stop in the launcher's order.
// When the launcher itself dies, the kernel closes the IPC channel and the service ends by itself (onLauncherGone).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ReadyMessage } from '@trainyard/jobs';

export interface ServiceProcessOptions {
  /** How messages call it: `API`, `worker`. */
  readonly name: string;
  /** The program, of this build; it calls `tellReady` and `onLauncherGone`. */
  readonly program: URL;
  /** Asked anew for each start. */
  readonly env: () => NodeJS.ProcessEnv;
  /** File descriptor for its standard error, where a service writes its log. */
  readonly logTo: number;
  /** Told of deaths and restarts. */
  readonly log: (message: string) => void;
  /** How long it may take to stop before it is killed, in ms. */
  readonly stopGraceMs: number;
}

/** A service ended, or did not answer, before it was ready. */
export class ServiceStartError extends Error {
  readonly code = 'serviceStart';

  constructor(service: string, reason: string) {
    super(`the ${service} did not start: ${reason}`);
    this.name = 'ServiceStartError';
  }
}

const startBoundMs = 60_000;
const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** A service that ran this long had got over whatever ended the one before it. */
const steadyMs = 30_000;

export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #stop = new AbortController();
  #child: ChildProcess | null = null;
  #pauseMs = firstPauseMs;
  #restarting: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
  }

  /** Of the process that runs now; null while none does. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * Starts it and resolves when it is ready; from then on it is started again whenever it ends.
   * @throws ServiceStartError it ended before it was ready, or was stopped
   */
  async start(): Promise<ReadyMessage> {
    const { child, ready } = await this.#launch();
    this.#restarting = this.#keepRunning(child);
    return ready;
  }

  /** Ends it as SIGTERM does, by force when that takes longer than the grace. Safe to call twice. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stopNow());
  }

  /** While it stops: tells it once more, which services take as a wish not to wait. */
  hurry(): void {
    this.#child?.kill('SIGTERM');
  }

  async #stopNow(): Promise<void> {
    this.#stop.abort();
    const child = this.#child;
    if (child !== null) await this.#end(child);
    await this.#restarting;
  }

  async #launch(): Promise<{ child: ChildProcess; ready: ReadyMessage }> {
    const { name, program, env, logTo } = this.#options;
    if (this.#stop.signal.aborted) throw new ServiceStartError(name, 'it was stopped first');
    const child = spawn(process.execPath, [fileURLToPath(program)], {
      env: env(),
      detached: true,
      stdio: ['ignore', 'ignore', logTo, 'ipc'],
    });
    this.#child = child;
    const ready = new Promise<ReadyMessage>((resolve) => {
      child.once('message', (message) => resolve(message as ReadyMessage));
    });
    const ended = new Promise<string>((resolve) => {
      child.once('exit', () => resolve(`it ${endOf(child)}`));
      // Without a process no `exit` follows; other errors are of a channel whose end shows anyway.
      child.on('error', (error) => {
        if (child.pid === undefined) resolve(error.message);
      });
    });
    void ended.then(() => {
      if (this.#child === child) this.#child = null;
    });
    const bound = new AbortController();
    const late = sleep(startBoundMs, `it was not ready within ${startBoundMs / 1_000} s`, { signal: bound.signal });
    try {
      const first = await Promise.race([ready, ended, late]);
      if (typeof first === 'string') throw new ServiceStartError(name, first);
      return { child, ready: first };
    } catch (error) {
      await this.#end(child);
      throw error;
    } finally {
      bound.abort();
    }
  }

  /** Until it is stopped: waits for the process to end and starts the next, with pauses that grow while it keeps failing. */
  async #keepRunning(child: ChildProcess): Promise<void> {
    let current: ChildProcess | null = child;
    while (!this.#stop.signal.aborted) {
      if (current !== null) {
        const since = performance.now();
        if (isRunning(current)) await once(current, 'exit');
        if (this.#stop.signal.aborted) return;
        if (performance.now() - since >= steadyMs) this.#pauseMs = firstPauseMs;
        this.#options.log(`the ${this.#options.name} ${endOf(current)}; starting it again in ${this.#pauseMs / 1_000} s`);
      }
      current = await this.#launchAfterPause();
    }
  }

  async #launchAfterPause(): Promise<ChildProcess | null> {
    try {
      await sleep(this.#pauseMs, undefined, { signal: this.#stop.signal });
      this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
      const { child } = await this.#launch();
      this.#options.log(`the ${this.#options.name} is ready again`);
      return child;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.log(`${error instanceof Error ? error.message : String(error)}; trying again`);
      return null;
    }
  }

  async #end(child: ChildProcess): Promise<void> {
    if (!isRunning(child)) return;
    const exited = once(child, 'exit');
    const kill = setTimeout(() => {
      this.#options.log(`the ${this.#options.name} did not stop within ${this.#options.stopGraceMs / 1_000} s and was killed`);
      killGroup(child);
    }, this.#options.stopGraceMs);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(kill);
  }
}

function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `ended with exit code ${exitCode}` : `was ended by ${signalCode}`;
}

/** With everything that it started and that did not leave the group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // No process groups on this system, or it went by itself in the meantime.
    child.kill('SIGKILL');
  }
}
