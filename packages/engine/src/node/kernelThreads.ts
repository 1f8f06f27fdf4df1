// Threads for the engine's kernels, as worker threads of Node: `new WasmBackend({ threads: nodeThreads(2) })`. What they do is
// the wasm backend's (backend/wasm/teamMember.ts).
import { Worker } from 'node:worker_threads';
import type { KernelThread, KernelThreads, TeamSetup } from '../backend/wasm/team.ts';
import { checkThreads } from '../backend/wasm/team.ts';

/**
 * @param count Threads that compute, the calling one among them. They keep the process alive until the backend is closed.
 * @throws ArgumentError unless it is a whole number from 1 to 64.
 */
export function nodeThreads(count: number): KernelThreads {
  return { count: checkThreads(count), start: (setup, onEnd) => new NodeThread(setup, onEnd) };
}

class NodeThread implements KernelThread {
  readonly #worker: Worker;
  #closing: Promise<void> | null = null;

  constructor(setup: TeamSetup, onEnd: (reason: unknown) => void) {
    // The process's own flags (a script on the command line, a debugger) are not for the thread.
    this.#worker = new Worker(threadModule, { workerData: setup, execArgv: [] });
    const told = (reason: unknown): void => {
      if (this.#closing === null) onEnd(reason);
    };
    this.#worker.on('error', told);
    this.#worker.on('exit', (code) => told(new Error(`it exited with code ${code}`)));
  }

  close(): Promise<void> {
    this.#closing ??= this.#worker.terminate().then(() => {});
    return this.#closing;
  }
}

/** The thread's module lies beside this one, compiled or as source. */
const threadModule = new URL(`./kernelThread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
