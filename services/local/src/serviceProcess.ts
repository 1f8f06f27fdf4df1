// Runs one service as a child process, and restarts it when it dies. The service has its own process group: Ctrl-C in the terminal reaches
// only the launcher, which then stops the services in order. If the launcher dies, the kernel closes the IPC channel, and the service ends
// by itself (see onLauncherGone).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ReadyMessage } from '@trainyard/jobs';

export interface ServiceProcessOptions {
  /** The name of the service in messages: `API` or `worker`. */
  readonly name: string;
  /** The program, which must call `reportReady` and `onLauncherGone`. */
  readonly program: URL;
  /** Returns the environment. Called for each start. */
  readonly env: () => NodeJS.ProcessEnv;
  /** The file descriptor for the service's standard error, to which it writes its log. */
  readonly logTo: number;
  /** Called with a message when the service dies and when it is ready again. */
  readonly log: (message: string) => void;
  /** How long the service may take to stop before it is killed, in ms. */
  readonly stopGraceMs: number;
}

/** A service ended before it was ready, or was not ready in time. */
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
/** After a service has run for this time, in ms, the pause before its next restart is the shortest again. */
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

  /** The id of the running process; null if none runs. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * Starts the service. Resolves when it is ready. From then on it is restarted whenever it ends.
   * @throws ServiceStartError if it ended before it was ready, was not ready in time, or was stopped
   */
  async start(): Promise<ReadyMessage> {
    const { child, ready } = await this.#launch();
    this.#restarting = this.#keepRunning(child);
    return ready;
  }

  /** Stops the service with SIGTERM, and kills it if it does not end within `stopGraceMs`. Safe to call twice. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stopNow());
  }

  /** Sends SIGTERM again. A worker that is already closing then hands back its jobs at once. */
  endGrace(): void {
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
    if (this.#stop.signal.aborted) throw new ServiceStartError(name, 'it was stopped before it was ready');
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
      // If no process was created, there is no `exit` event. Other errors concern the IPC channel and are ignored: `exit` follows them.
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

  /** Restarts the process whenever it ends, until `stop` is called. The pauses before restarts grow while it keeps failing. */
  async #keepRunning(child: ChildProcess): Promise<void> {
    let current: ChildProcess | null = child;
    while (!this.#stop.signal.aborted) {
      if (current !== null) {
        const since = performance.now();
        if (isRunning(current)) await once(current, 'exit');
        if (this.#stop.signal.aborted) return;
        if (performance.now() - since >= steadyMs) this.#pauseMs = firstPauseMs;
        this.#options.log(`the ${this.#options.name} ${endOf(current)}; restarting it in ${this.#pauseMs / 1_000} s`);
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
      if (!this.#stop.signal.aborted) this.#options.log(`${error instanceof Error ? error.message : String(error)}; retrying`);
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

/** Kills the service and all processes of its group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The system has no process groups, or the group has already ended.
    child.kill('SIGKILL');
  }
}
