// The compiled kernels and their variants. Strict kernels round every product and every sum, so their results are the same on every
// machine. Relaxed kernels (../../relaxed.ts) may round a product and the sum that it is added to only once. The two variants have the same
// functions and use memory in the same way.
import { EngineError } from '../../errors.ts';
import { engineVersion } from '../../version.ts';
import { kernelsBase64 } from './kernels.generated.ts';
import { Module } from './webAssembly.ts';

export interface KernelModule {
  readonly base64: string;
  /** The engine version that is stored with the results of these kernels. */
  readonly engineVersion: string;
}

/** The default kernels, with the same results on every machine. */
export const strictKernels: KernelModule = { base64: kernelsBase64, engineVersion };

const modules = new WeakMap<KernelModule, object>();

/** Compiles the kernels once and returns the module. @throws EngineError `noRelaxedSimd` if the platform does not have relaxed SIMD */
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
      'this platform has no relaxed SIMD, which the relaxed kernels need: use Node 22 or newer, or do not set TRAINYARD_RELAXED (the option `kernels`)',
      { cause: error },
    );
  }
}
