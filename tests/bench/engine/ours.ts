// A process that runs one workload on the engine: warm first, then a slice for each message, and at last, when it is asked
// to, where the time of a step goes. Arguments: workload, batch, threads, seconds a slice, folder of datasets ('' for none), and
// 'relaxed' for kernels with fused multiply-adds.
import { setBackend, strictKernels, WasmBackend } from '@trainyard/engine';
import { nodeThreads } from '@trainyard/engine/node';
import { relaxedKernels } from '@trainyard/engine/relaxed';
import { type KernelTime, profiled } from './kernelTimes.ts';
import { type Run, runsOf } from './training.ts';
import type { WorkloadName } from './workloads.ts';

export type Request = 'slice' | 'profile';
export type Answer = { readonly engineVersion: string } | { readonly us: number } | { readonly kernels: readonly KernelTime[] };

const [workload = '', batch = '', threads = '', seconds = '', datasets = '', mode = ''] = process.argv.slice(2);

/** Microseconds a step over at least so many seconds. */
async function slice(run: Run): Promise<number> {
  let [steps, ms] = [0, 0];
  while (ms < Number(seconds) * 1_000) {
    const part = await run();
    steps += part.steps;
    ms += part.ms;
  }
  return (ms / steps) * 1_000;
}

const answer = (message: Answer): void => void process.send?.(message);

const kernels = mode === 'relaxed' ? relaxedKernels : strictKernels;
setBackend(new WasmBackend({ kernels, threads: nodeThreads(Number(threads)) }));
const run = runsOf({ workload: workload as WorkloadName, batch: Number(batch) }, datasets === '' ? null : datasets);
await slice(run);
answer({ engineVersion: kernels.engineVersion });
// Kernels and loading have threads, which would keep the process.
process.on('disconnect', () => process.exit());
let last = Promise.resolve();
process.on('message', (request: Request) => {
  last = last.then(async () => {
    answer(request === 'slice' ? { us: await slice(run) } : { kernels: await profiled(run, Number(seconds) * 2) });
  });
});
