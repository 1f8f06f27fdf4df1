// Writes the Lua scripts of this folder into the sources as one module, each with the shared Lua that its line `-- include: …` names and
// without comments. So no file is read at run time. Usage: node build.mjs [--clean].
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, '../src/scripts/lua.generated.ts');

/**
 * Returns the text of a file after the texts of the files in `shared` that it includes. Each of these stands there once.
 * @param {string} file
 * @param {Set<string>} included files that the script has already
 * @returns {string}
 */
function withIncludes(file, included = new Set()) {
  const text = readFileSync(file, 'utf8');
  const names = /^-- include: (.+)$/m.exec(text)?.[1]?.split(', ') ?? [];
  let before = '';
  for (const name of names) {
    if (included.has(name)) continue;
    included.add(name);
    before += withIncludes(join(here, 'shared', `${name}.lua`), included);
  }
  return before + text.replaceAll(/^ *(--.*)?\n/gm, '');
}

/** Returns the text of the output file; '' if there is none. */
function current() {
  try {
    return readFileSync(output, 'utf8');
  } catch {
    return '';
  }
}

if (process.argv.includes('--clean')) {
  rmSync(output, { force: true });
} else {
  const files = readdirSync(here).filter((name) => name.endsWith('.lua'));
  const entries = files.toSorted().map((name) => `  ${basename(name, '.lua')}: ${JSON.stringify(withIncludes(join(here, name)))},\n`);
  const text = `// Made by packages/jobs/lua/build.mjs from the Lua scripts; never edited.\nexport const luaTexts = {\n${entries.join('')}};\n`;
  if (text !== current()) {
    const unfinished = `${output}.${process.pid}`;
    writeFileSync(unfinished, text);
    renameSync(unfinished, output);
  }
}
