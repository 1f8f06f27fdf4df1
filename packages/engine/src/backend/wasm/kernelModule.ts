// The kernels as a module, and which ones there are. Strict ones round every product and every sum, so that they give the same
// bits everywhere; relaxed ones (../../relaxed.ts) may fuse the two. Both have the same functions and lay out memory alike.
import { EngineError } from '../../errors.ts';
import { engineVersion } from '../../version.ts';
import { kernelsBase64 } from './kernels.generated.ts';
import { Module } from './webAssembly.ts';

export interface KernelModule {
  readonly base64: string;
  /** What results carry that are computed with it. */
  readonly engineVersion: string;
}

/** The same bits on every machine. */
export const strictKernels: KernelModule = { base64: kernelsBase64, engineVersion };

const modules = new WeakMap<KernelModule, object>();

/** The module, compiled once. @throws EngineError `noRelaxedSimd` where the platform lacks what it needs. */
export function compiled(kernels: KernelModule): object {
  const known = modules.get(kernels);
  if (known !== undefined) return known;
  const characters = atob(kernels.base64);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  const module = compile(kernels, bytes);
  modules.set(kernels, module);
  return module;
}

function compile(kernels: KernelModule, bytes: Uint8Array): object {
  try {
    return new Module(bytes);
  } catch (error) {
    if (kernels === strictKernels) throw error;
    throw new EngineError(
      'noRelaxedSimd',
      'this platform has no relaxed SIMD, which the relaxed kernels need: take Node 22 or newer, or leave TRAINYARD_RELAXED (the option `kernels`) out',
      { cause: error },
    );
  }
}
