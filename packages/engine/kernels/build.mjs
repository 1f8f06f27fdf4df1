// Compiles the AssemblyScript kernels under src/ to one WebAssembly module and writes it, as base64 beside the types of
// its exports, to the engine's sources: nothing is then read from disk at run time, in Node or in a browser page.
// Usage: node build.mjs [--clean]. It does nothing when the sources, this file and the compiler are what they were.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'src');
const output = join(here, '../src/backend/wasm/kernels.generated.ts');

// -O1: the higher levels nest unrolled accumulators, which then spill. The memory is imported and shared, so that it can
// grow without detaching the views over it and threads can join; its largest size is 4 GiB.
const options =
  '--runtime stub --noAssert --use abort= --optimizeLevel 1 --enable simd --enable threads ' +
  '--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536';

/** Changes whenever the output could. */
function stampOf() {
  const hash = createHash('sha256');
  hash.update(readFileSync(fileURLToPath(import.meta.resolve('assemblyscript/package.json'))));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of readdirSync(sources).toSorted()) hash.update(file).update(readFileSync(join(sources, file)));
  return `// stamp ${hash.digest('hex')}`;
}

/** @param {string} stamp */
function isCurrent(stamp) {
  try {
    return readFileSync(output, 'utf8').startsWith(stamp);
  } catch {
    return false; // there is none yet
  }
}

/** @returns the module's bytes and the compiler's declarations of its exports. */
async function compile() {
  const asc = await import('assemblyscript/asc');
  /** @type {Map<string, string | Uint8Array>} */
  const written = new Map();
  const stderr = asc.createMemoryStream();
  const { error } = await asc.main(['index.ts', '--bindings', 'raw', '--outFile', 'kernels.wasm', ...options.split(' ')], {
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
  return { bytes: written.get('kernels.wasm') ?? '', declarations: String(written.get('kernels.d.ts')) };
}

/**
 * An interface of the exports, made of the compiler's own declarations, so that no signature is written twice.
 * @param {string} declarations
 */
function interfaceOf(declarations) {
  const members = [...declarations.matchAll(/^ {2}export function (.+);$/gm)].map(([, signature]) => `  ${signature};`);
  if (members.length === 0) throw new Error("the compiler's declarations list no function");
  return `export interface Kernels {\n${members.join('\n')}\n}`;
}

if (process.argv.includes('--clean')) {
  rmSync(output, { force: true });
} else {
  const stamp = stampOf();
  if (!isCurrent(stamp)) {
    const { bytes, declarations } = await compile();
    const base64 = Buffer.from(bytes).toString('base64');
    mkdirSync(dirname(output), { recursive: true });
    const unfinished = `${output}.${process.pid}`;
    const header = '// Made by packages/engine/kernels/build.mjs from the AssemblyScript kernels; never edited.';
    writeFileSync(unfinished, `${stamp}\n${header}\n${interfaceOf(declarations)}\n\nexport const kernelsBase64 = '${base64}';\n`);
    renameSync(unfinished, output);
  }
}
