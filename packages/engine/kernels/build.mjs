// Compiles the AssemblyScript kernels under src/ to a WebAssembly module and writes it, as base64 beside the types of its
// exports, to the engine's sources: nothing is then read from disk at run time, in Node or in a browser page. Then once more with
// relaxed SIMD, which turns the multiply-adds of src/madd.ts into fused ones, to a file of its own, so that only who wants it loads it.
// Usage: node build.mjs [--clean]. It does nothing when the sources, this file and the compiler are what they were.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'src');
const outputs = {
  strict: join(here, '../src/backend/wasm/kernels.generated.ts'),
  relaxed: join(here, '../src/backend/wasm/relaxedKernels.generated.ts'),
};

// -O1: the higher levels nest unrolled accumulators, which then spill. The memory is imported and shared, so that it can
// grow without detaching the views over it and threads can join; its largest size is 4 GiB.
const options =
  '--runtime stub --noAssert --use abort= --optimizeLevel 1 --enable simd --enable threads ' +
  '--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536';

/** What a team's record has room for (packages/engine/src/backend/wasm/teamRecord.ts). */
const MOST_ARGUMENTS = 24;

/** Changes whenever the output could. */
function stampOf() {
  const hash = createHash('sha256');
  hash.update(readFileSync(fileURLToPath(import.meta.resolve('assemblyscript/package.json'))));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of readdirSync(sources).toSorted()) hash.update(file).update(readFileSync(join(sources, file)));
  return `// stamp ${hash.digest('hex')}`;
}

/** @param {string} stamp */
function areCurrent(stamp) {
  try {
    return Object.values(outputs).every((output) => readFileSync(output, 'utf8').startsWith(stamp));
  } catch {
    return false; // there is none yet
  }
}

/**
 * @param {readonly string[]} more options
 * @returns the module as base64 and the compiler's declarations of its exports.
 */
async function compile(...more) {
  const asc = await import('assemblyscript/asc');
  /** @type {Map<string, string | Uint8Array>} */
  const written = new Map();
  const stderr = asc.createMemoryStream();
  const { error } = await asc.main(['index.ts', '--bindings', 'raw', '--outFile', 'kernels.wasm', ...options.split(' '), ...more], {
    stderr,
    readFile: (name) => {
      try {
        return readFileSync(join(sources, name), 'utf8');
      } catch {
        return null; // the compiler looks a module up under several names
      }
    },
    writeFile: (name, contents) => void written.set(name, contents),
    listFiles: () => [],
  });
  const messages = stderr.toString();
  if (error !== null || messages !== '') throw new Error(`the kernels do not compile:\n${messages}`, { cause: error });
  const base64 = Buffer.from(written.get('kernels.wasm') ?? '').toString('base64');
  return { base64, declarations: String(written.get('kernels.d.ts')) };
}

/**
 * The exports' signatures, from the compiler's own declarations, so that none is written twice.
 * @param {string} declarations
 */
function signaturesOf(declarations) {
  const signatures = [...declarations.matchAll(/^ {2}export function (\w+)\((.*)\): (\w+);$/gm)].map(([, name, parameters, result]) => ({
    name,
    result,
    parameters: parameters === '' ? [] : parameters.split(', '),
  }));
  if (signatures.length === 0) throw new Error("the compiler's declarations list no function");
  return signatures;
}

/** @typedef {ReturnType<typeof signaturesOf>[number]} Signature */

/** @param {Signature[]} signatures */
function interfaceOf(signatures) {
  const members = signatures.map(({ name, parameters, result }) => `  ${name}(${parameters.join(', ')}): ${result};`);
  return `export interface Kernels {\n${members.join('\n')}\n}`;
}

/**
 * For each parallel kernel, one that ends in (from, to): a method that runs all of its units, and a function that runs some of them
 * on arguments that lie in memory. Every call is a plain one of a known function: nothing is boxed, collected or looked up.
 * @param {Signature[]} signatures
 */
function parallelOf(signatures) {
  const parallel = signatures.filter(({ parameters }) => parameters.slice(-2).join(', ') === 'from: number, to: number');
  /** @type {string[]} */
  const methods = [];
  /** @type {string[]} */
  const runs = [];
  for (const [number, { name, parameters }] of parallel.entries()) {
    const own = parameters.slice(0, -2);
    const names = own.map((parameter) => parameter.split(': ')[0]);
    if (own.some((parameter) => !parameter.endsWith(': number'))) throw new Error(`${name}: a parallel kernel takes numbers only`);
    if (own.length > MOST_ARGUMENTS) throw new Error(`${name}: a parallel kernel takes at most ${MOST_ARGUMENTS} arguments`);
    methods.push(
      `  ${name}(${[...own, 'units: number', 'operations: number'].join(', ')}): void {`,
      `    if (this.team.runsAlone(units, operations)) return this.kernels.${name}(${[...names, '0', 'units'].join(', ')});`,
      `    const args = this.team.args;`,
      ...names.map((argument, i) => `    args[${i}] = ${argument};`),
      `    this.team.run(${number}, units, operations);`,
      `  }`,
    );
    runs.push(`  (kernels, a, from, to) => kernels.${name}(${[...names.map((_, i) => `a[${i}]`), 'from', 'to'].join(', ')}),`);
  }
  return [
    'export class ParallelKernels {',
    '  readonly kernels: Kernels;',
    '  team: KernelTeam;',
    '  constructor(kernels: Kernels, team: KernelTeam) {',
    '    this.kernels = kernels;',
    '    this.team = team;',
    '  }',
    ...methods,
    '}',
    '',
    'export const unitRunners: readonly ((kernels: Kernels, a: Float64Array, from: number, to: number) => void)[] = [',
    ...runs,
    '];',
  ].join('\n');
}

/**
 * @param {string} output
 * @param {string} stamp
 * @param {readonly string[]} parts
 */
function write(output, stamp, parts) {
  const header = '// Made by packages/engine/kernels/build.mjs from the AssemblyScript kernels; never edited.';
  mkdirSync(dirname(output), { recursive: true });
  const unfinished = `${output}.${process.pid}`;
  writeFileSync(unfinished, `${stamp}\n${header}\n${parts.join('\n\n')}\n`);
  renameSync(unfinished, output);
}

if (process.argv.includes('--clean')) {
  for (const output of Object.values(outputs)) rmSync(output, { force: true });
} else {
  const stamp = stampOf();
  if (!areCurrent(stamp)) {
    const strict = await compile();
    const relaxed = await compile('--enable', 'relaxed-simd');
    const signatures = signaturesOf(strict.declarations);
    write(outputs.strict, stamp, [
      "import type { KernelTeam } from './team.ts';",
      interfaceOf(signatures),
      parallelOf(signatures),
      `export const kernelsBase64 = '${strict.base64}';`,
    ]);
    write(outputs.relaxed, stamp, [`export const relaxedKernelsBase64 = '${relaxed.base64}';`]);
  }
}
