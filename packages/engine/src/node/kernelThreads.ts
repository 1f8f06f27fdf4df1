// Threads for the engine's kernels, as worker threads of Node: `new WasmBackend({ threads: nodeThreads(2) })`. The code that they run is in
// the wasm backend (backend/wasm/teamMember.ts).
import { Worker } from 'node:worker_threads';
import type { KernelThread, KernelThreads, TeamSetup } from '../backend/wasm/team.ts';
import { checkThreads } from '../backend/wasm/team.ts';

/**
 * @param count the number of threads that compute, including the calling thread. They keep the process alive until the backend is closed
 * @throws ArgumentError if `count` is not a whole number from 1 to 64
 */
export function nodeThreads(count: number): KernelThreads {
  return { count: checkThreads(count), start: (setup, onEnd) => new NodeThread(setup, onEnd) };
}

class NodeThread implements KernelThread {
  readonly #worker: Worker;
  #closing: Promise<void> | null = null;

  constructor(setup: TeamSetup, onEnd: (reason: unknown) => void) {
    // The thread must not get the flags of the process, such as a script on the command line or a debugger.
    this.#worker = new Worker(threadModule, { workerData: setup, execArgv: [] });
    const ended = (reason: unknown): void => {
      if (this.#closing === null) onEnd(reason);
    };
    this.#worker.on('error', ended);
    this.#worker.on('exit', (code) => ended(new Error(`it exited with code ${code}`)));
  }

  close(): Promise<void> {
    this.#closing ??= this.#worker.terminate().then(() => {});
    return this.#closing;
  }
}

/** The module of the thread, in the same folder as this file: compiled (.js) or source (.ts). */
const threadModule = new URL(`./kernelThread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
