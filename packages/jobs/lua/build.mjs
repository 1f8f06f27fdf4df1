// Writes the Lua scripts of this folder into the sources as one module, without comments. The line `-- include: …` of a script names the
// files in `shared` whose functions it uses. So no file is read at run time. Usage: node build.mjs [--clean].
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

/**
 * Returns the script without functions that it does not use. Each run of a script creates all of its functions, which takes time.
 * @param {string} text
 * @returns {string}
 */
function withoutUnused(text) {
  for (const [definition, name] of text.matchAll(/^local function (\w+)\(.*(?: end\n|\n(?: .*\n)*end\n)/gm)) {
    if (text.split(new RegExp(`\\b${name}\\b`)).length === 2) return withoutUnused(text.replace(definition, ''));
  }
  return text;
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
  const scripts = files.toSorted().map((file) => [basename(file, '.lua'), withoutUnused(withIncludes(join(here, file)))]);
  const entries = scripts.map(([name, text]) => `  ${name}: ${JSON.stringify(text)},\n`);
  const text = `// Made by packages/jobs/lua/build.mjs from the Lua scripts; never edited.\nexport const luaTexts = {\n${entries.join('')}};\n`;
  if (text !== current()) {
    const unfinished = `${output}.${process.pid}`;
    writeFileSync(unfinished, text);
    renameSync(unfinished, output);
  }
}
