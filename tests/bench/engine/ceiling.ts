// The most that one core of this machine computes in WebAssembly: twelve independent chains of f32x4 multiply-adds that
// never leave the registers, fused ones in the relaxed mode. It is compiled here, of AssemblyScript, and is no part of the engine.
import { createMemoryStream, main } from 'assemblyscript/asc';

/** Typed here because the language's own library leaves WebAssembly to the browser's. */
interface WebAssemblyApi {
  instantiate(bytes: Uint8Array): Promise<{ readonly instance: { readonly exports: unknown } }>;
}

const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

const CHAINS = 12;
const FLOPS_PER_TURN = CHAINS * 4 * 2;

function source(relaxed: boolean): string {
  const step = (sum: string): string => (relaxed ? `f32x4.relaxed_madd(${sum}, a, b)` : `f32x4.add(f32x4.mul(${sum}, a), b)`);
  const names = Array.from({ length: CHAINS }, (_, i) => `c${i}`);
  return `export function chains(turns: i32, factor: f32, addend: f32): f32 {
  const a = f32x4.splat(factor);
  const b = f32x4.splat(addend);
${names.map((name, i) => `  let ${name} = f32x4.splat(${i}.0);`).join('\n')}
  for (let turn = 0; turn < turns; turn++) {
${names.map((name) => `    ${name} = ${step(name)};`).join('\n')}
  }
  return f32x4.extract_lane(${names.reduce((sum, name) => `f32x4.add(${sum}, ${name})`)}, 0);
}
`;
}

async function compile(relaxed: boolean): Promise<(turns: number, factor: number, addend: number) => number> {
  let bytes: Uint8Array<ArrayBuffer> | null = null;
  const stderr = createMemoryStream();
  const features = ['--enable', 'simd', ...(relaxed ? ['--enable', 'relaxed-simd'] : [])];
  const { error } = await main(['chains.ts', '--outFile', 'chains.wasm', '--runtime', 'stub', '--optimizeLevel', '1', ...features], {
    stderr,
    readFile: (name) => (name === 'chains.ts' ? source(relaxed) : null),
    writeFile: (_, contents) => void (bytes = Uint8Array.from(contents as Uint8Array)),
    listFiles: () => [],
  });
  if (error !== null || bytes === null) throw new Error(`the loop does not compile:\n${stderr.toString()}`, { cause: error });
  const { instance } = await webAssembly.instantiate(bytes);
  return (instance.exports as { chains: (turns: number, factor: number, addend: number) => number }).chains;
}

/** GFLOP/s of one core: the best of some tries of 2 ms, which no other process came into. */
export async function measureCeiling(relaxed: boolean): Promise<number> {
  const chains = await compile(relaxed);
  const turns = 1_000_000 / 8;
  for (let i = 0; i < 5; i++) chains(turns, 0.999, 0.001);
  const rates = Array.from({ length: 100 }, () => {
    const start = performance.now();
    chains(turns, 0.999, 0.001);
    return (turns * FLOPS_PER_TURN) / (performance.now() - start) / 1e6;
  });
  return Math.max(...rates);
}
