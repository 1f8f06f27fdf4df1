// Writes the code of definitions in TypeScript: literals, and constructors of the engine's classes.
import type { Argument, Construction } from '../construction.ts';

/** Collects the names that a script imports. */
export class Imports {
  readonly #names = new Set<string>();

  /** Adds a name that the engine exports, or a type as `type Name`. Returns the name as it is used in the code. */
  use(name: string): string {
    this.#names.add(name);
    return name.replace(/^type /, '');
  }

  /** The imported functions and classes. */
  get names(): readonly string[] {
    return this.#sorted((name) => !name.startsWith('type '));
  }

  get types(): readonly string[] {
    return this.#sorted((name) => name.startsWith('type ')).map((name) => name.slice('type '.length));
  }

  #sorted(isWanted: (name: string) => boolean): readonly string[] {
    return [...this.#names].filter(isWanted).toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  }
}

/** Returns the code of a constructor call, such as `new Conv2d(1, 6, 5, { padding: 2 })`. @param leading the code of the first arguments */
export function construction({ name, positional, named }: Construction, imports: Imports, ...leading: readonly string[]): string {
  const options = Object.entries(named).map(([option, value]) => `${option}: ${argumentCode(value, imports)}`);
  const all = [
    ...leading,
    ...positional.map((value) => argumentCode(value, imports)),
    ...(options.length === 0 ? [] : [`{ ${options.join(', ')} }`]),
  ];
  return `new ${imports.use(name.replace(/^nn\./, ''))}(${all.join(', ')})`;
}

function argumentCode(value: Argument, imports: Imports): string {
  if (value === null || typeof value !== 'object') return literal(value);
  if ('float' in value) return String(value.float);
  if ('variable' in value) return value.variable;
  if ('tensor' in value) return `${imports.use('tensor')}(${literal(value.tensor)})`;
  if ('name' in value) return construction(value, imports);
  return `[${value.map((entry) => argumentCode(entry, imports)).join(', ')}]`;
}

/** Returns a JSON value as TypeScript code. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [`${name}: ${literal(field)}`]));
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

/**
 * Returns a text as a literal, in single quotes if nothing has to be escaped. U+2028 and U+2029 are escaped, because they are line ends for
 * some programs.
 */
function text(value: string): string {
  return /^[ !#-&(-[\]-~]*$/.test(value)
    ? `'${value}'`
    : JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** Returns a text for a comment. U+2028 and U+2029 are replaced, because in JavaScript they end a line, and thus the comment. */
export const comment = (value: string): string => value.replaceAll(/[\u2028\u2029]/g, ' ');
