// Compiles the AssemblyScript kernels under src/ to a WebAssembly module. It writes the module as base64, with the types of its exports,
// into the engine's sources, so nothing is read from disk at run time, in Node or in a browser page. Then it compiles the kernels once more
// with relaxed SIMD, which turns the multiply-adds of src/madd.ts into fused ones. The relaxed module is written to a separate file, so
// only programs that use it load it. Before compiling, the script writes src/definitions.generated.ts. It declares the names that the
// kernels share with the engine (definitions.ts and activations.ts in packages/engine/src/backend) as constants and classes.
// Usage: node build.mjs [--clean]. It does nothing if the sources, this file and the compiler are the same as in the last build.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'src');
/** The files of the engine from which the kernels' definitions are generated. */
const definitions = ['definitions.ts', 'activations.ts'].map((file) => join(here, '../src/backend', file));
const outputs = {
  definitions: join(sources, 'definitions.generated.ts'),
  strict: join(here, '../src/backend/wasm/kernels.generated.ts'),
  relaxed: join(here, '../src/backend/wasm/relaxedKernels.generated.ts'),
};

// -O1: the higher levels nest unrolled accumulators, which then spill. The memory is imported and shared, so that it can
// grow without detaching the views over it and threads can join; its largest size is 4 GiB.
const options =
  '--runtime stub --noAssert --use abort= --optimizeLevel 1 --enable simd --enable threads ' +
  '--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536';

/**
 * Returns a comment line with a hash of the compiler's version, this file and the sources. The generated files are current if they begin
 * with this line.
 */
function stampOf() {
  const hash = createHash('sha256');
  hash.update(readFileSync(fileURLToPath(import.meta.resolve('assemblyscript/package.json'))));
  for (const file of [fileURLToPath(import.meta.url), ...definitions]) hash.update(readFileSync(file));
  const written = readdirSync(sources).filter((file) => !file.endsWith('.generated.ts'));
  for (const file of written.toSorted()) hash.update(file).update(readFileSync(join(sources, file)));
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
 * Returns the definitions for the kernels: a numbered constant for each operation and purpose, and a class for each list of sizes.
 * @param {typeof import('../src/backend/definitions.ts') & Pick<typeof import('../src/backend/activations.ts'), 'activationOps'>} lists
 */
function kernelDefinitions({ unaryOps, binaryOps, activationOps, convSizes, poolSizes, winogradPurposes }) {
  const numbered = [unaryOps, binaryOps, activationOps, winogradPurposes].flatMap((names) =>
    names.map((name, number) => `export const ${constantOf(name)}: i32 = ${number};`),
  );
  return [numbered.join('\n'), sizesClass('ConvSizes', convSizes), sizesClass('PoolSizes', poolSizes)];
}

/**
 * Turns `geluTanh` into `GELU_TANH`.
 * @param {string} name
 */
function constantOf(name) {
  return name.replaceAll(/[A-Z]/g, '_$&').toUpperCase();
}

/**
 * @param {string} name
 * @param {readonly string[]} sizes
 */
function sizesClass(name, sizes) {
  return `@unmanaged\nexport class ${name} {\n${sizes.map((size) => `  ${size}: i32;`).join('\n')}\n}`;
}

/**
 * Returns a function for the engine that writes sizes to memory in the order of the class's fields. It has one line for each size, because
 * a loop over names would slow down every training step.
 * @param {string} name
 * @param {readonly string[]} sizes
 */
function sizesWriter(name, sizes) {
  const parameters = `words: Int32Array, at: number, sizes: { ${sizes.map((size) => `readonly ${size}: number`).join('; ')} }`;
  const lines = sizes.map((size, i) => `  words[at + ${i}] = sizes.${size};`);
  return `export function ${name}(${parameters}): void {\n${lines.join('\n')}\n}`;
}

/**
 * Compiles the kernels.
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
 * Returns the signatures of the exported functions. They are read from the compiler's declarations, so they need not be repeated by hand.
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
 * A parallel kernel is one whose last parameters are (from, to). For each parallel kernel, this writes a method that runs all units, and a
 * function that runs a range of units with arguments from shared memory. Calls name the kernel directly, so they allocate nothing and need
 * no lookup.
 * @param {Signature[]} signatures
 */
function parallelOf(signatures) {
  const parallel = signatures.filter(({ parameters }) => parameters.slice(-2).join(', ') === 'from: number, to: number');
  /** @type {string[]} */
  const methods = [];
  /** @type {string[]} */
  const runs = [];
  let mostArguments = 0;
  for (const [number, { name, parameters }] of parallel.entries()) {
    const own = parameters.slice(0, -2);
    const names = own.map((parameter) => parameter.split(': ')[0]);
    if (own.some((parameter) => !parameter.endsWith(': number'))) throw new Error(`${name}: a parallel kernel takes numbers only`);
    mostArguments = Math.max(mostArguments, own.length);
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
    '',
    '/** The largest number of arguments of a parallel kernel, not counting its range of units. */',
    `export const MOST_ARGUMENTS = ${mostArguments};`,
  ].join('\n');
}

/**
 * Writes a generated file under another name and then renames it, so that other processes never read a half-written file.
 * @param {string} output
 * @param {string} stamp
 * @param {readonly string[]} parts
 */
function write(output, stamp, parts) {
  const header = '// Made by packages/engine/kernels/build.mjs. Do not edit it.';
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
    const { activationOps } = await import('../src/backend/activations.ts');
    const lists = { ...(await import('../src/backend/definitions.ts')), activationOps };
    write(outputs.definitions, stamp, kernelDefinitions(lists));
    const strict = await compile();
    const relaxed = await compile('--enable', 'relaxed-simd');
    const signatures = signaturesOf(strict.declarations);
    write(outputs.strict, stamp, [
      "import type { KernelTeam } from './kernelTeam.ts';",
      interfaceOf(signatures),
      parallelOf(signatures),
      sizesWriter('writeConvSizes', lists.convSizes),
      sizesWriter('writePoolSizes', lists.poolSizes),
      `export const kernelsBase64 = '${strict.base64}';`,
    ]);
    write(outputs.relaxed, stamp, [`export const relaxedKernelsBase64 = '${relaxed.base64}';`]);
  }
}
