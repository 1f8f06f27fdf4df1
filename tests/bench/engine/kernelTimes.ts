// Where the time of a step goes: each call of the backend's, timed by a stand-in that the engine computes with meanwhile.
// What no kernel takes (graph, allocation, loading) is the rest. It changes what it measures by some tenths of a
// microsecond a call, so it is not for comparing.
import { type Backend, backend, setBackend } from '@trainyard/engine';
import type { Run } from './training.ts';

/** One kernel on operands of one size. */
export interface KernelTime {
  readonly kernel: string;
  /** What it works on, as far as its arguments tell. */
  readonly size: string;
  readonly callsPerStep: number;
  readonly usPerStep: number;
  readonly shareOfStep: number;
  /** Multiplications and additions of the textbook's way, in 10⁹ a second; null where there are none to speak of. */
  readonly gflops: number | null;
}

interface Sum {
  calls: number;
  ms: number;
  readonly flops: number | null;
}

/** What is timed is called by name and takes no time worth knowing otherwise. */
const untimed: ReadonlySet<string> = new Set([
  'allocate',
  'allocatePersistent',
  'allocateIndices',
  'enterArena',
  'leaveArena',
  'memoryUse',
  'name',
  'dtype',
]);

/** Runs for some seconds and tells of each kernel what it took of a step, the longest first. */
export async function profiled(run: Run, seconds: number): Promise<KernelTime[]> {
  const plain = backend();
  const sums = new Map<string, Sum>();
  setBackend(timing(plain, sums));
  let [steps, ms] = [0, 0];
  try {
    while (ms < seconds * 1_000) {
      const part = await run();
      steps += part.steps;
      ms += part.ms;
    }
  } finally {
    setBackend(plain);
  }
  const kernels = [...sums].map(([key, sum]): KernelTime => {
    const [kernel, size] = key.split('\t');
    return {
      kernel,
      size,
      callsPerStep: sum.calls / steps,
      usPerStep: (sum.ms / steps) * 1_000,
      shareOfStep: sum.ms / ms,
      gflops: sum.flops === null ? null : (sum.flops * sum.calls) / sum.ms / 1e6,
    };
  });
  const rest = ms - [...sums.values()].reduce((total, sum) => total + sum.ms, 0);
  const restTime = { kernel: 'outside of kernels', size: '', callsPerStep: 0, gflops: null };
  return [
    ...kernels.toSorted((a, b) => b.usPerStep - a.usPerStep),
    { ...restTime, usPerStep: (rest / steps) * 1_000, shareOfStep: rest / ms },
  ];
}

/** The same backend, whose kernels are timed as they are called. */
function timing(plain: Backend, sums: Map<string, Sum>): Backend {
  const timed = new Map<PropertyKey, unknown>();
  return new Proxy(plain, {
    get(target, name): unknown {
      const known = timed.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = (value as (...args: unknown[]) => unknown).bind(target);
      const kernel = String(name);
      const wrapped = untimed.has(kernel) ? method : timedCall(kernel, method, sums);
      timed.set(name, wrapped);
      return wrapped;
    },
  });
}

function timedCall(kernel: string, method: (...args: unknown[]) => unknown, sums: Map<string, Sum>): (...args: unknown[]) => unknown {
  return (...args) => {
    const start = performance.now();
    const result = method(...args);
    const ms = performance.now() - start;
    const { size, flops } = workOf(kernel, args);
    const key = `${kernel}\t${size}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { calls: 0, ms: 0, flops };
      sums.set(key, sum);
    }
    sum.calls += 1;
    sum.ms += ms;
    return result;
  };
}

interface Work {
  readonly size: string;
  readonly flops: number | null;
}

/** What a call works on, by the geometry among its arguments. */
function workOf(kernel: string, args: readonly unknown[]): Work {
  if (kernel === 'linear') {
    const [n, inFeatures, outFeatures] = args.slice(4) as number[];
    return { size: `${n}×${inFeatures}→${outFeatures}`, flops: 2 * n * inFeatures * outFeatures };
  }
  for (const argument of args) {
    if (typeof argument !== 'object' || argument === null) continue;
    const work = workOfGeometry(argument as Readonly<Record<string, number>>);
    if (work !== null) return work;
  }
  const longest = args.reduce(
    (most: number, argument) => Math.max(most, ArrayBuffer.isView(argument) ? (argument as Float32Array).length : 0),
    0,
  );
  const [op] = args;
  return { size: `${typeof op === 'string' ? `${op} ` : ''}${longest}`, flops: null };
}

function workOfGeometry(geometry: Readonly<Record<string, number>>): Work | null {
  if ('kernelHeight' in geometry && 'outChannels' in geometry) {
    const { batch, inChannels, outChannels, kernelHeight, kernelWidth, outHeight, outWidth, groups = 1 } = geometry;
    const size = `${batch}×${inChannels}→${outChannels} ${kernelHeight}×${kernelWidth} at ${outHeight}×${outWidth}`;
    return { size, flops: (2 * batch * inChannels * outChannels * kernelHeight * kernelWidth * outHeight * outWidth) / groups };
  }
  if ('planes' in geometry) return { size: `${geometry['planes']}×${geometry['height']}×${geometry['width']}`, flops: null };
  if ('m' in geometry && 'k' in geometry) {
    const { batch, m, n, k } = geometry;
    return { size: `${batch > 1 ? `${batch}×` : ''}${m}×${k}×${n}`, flops: 2 * batch * m * n * k };
  }
  return null;
}
