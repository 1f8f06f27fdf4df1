// TypeScript's way to write what definitions say of themselves: literals and constructors of the engine's classes. It knows
// no job.
import type { Argument, Construction } from '../construction.ts';

/** Collects what a script has to import. */
export class Imports {
  readonly #names = new Set<string>();

  /** Notes a name of the engine's public face, a type as `type Name`, and returns it as code has it. */
  use(name: string): string {
    this.#names.add(name);
    return name.replace(/^type /, '');
  }

  /** Functions and classes. */
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

/** `new Conv2d(1, 6, 5, { padding: 2 })`. @param leading code of arguments that come first. */
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
  if ('tensor' in value) return `${imports.use('tensor')}(${literal(value.tensor)})`;
  if ('name' in value) return construction(value, imports);
  return `[${value.map((entry) => argumentCode(entry, imports)).join(', ')}]`;
}

/** A JSON value as a person writes it. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [`${name}: ${literal(field)}`]));
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

/** In single quotes where nothing has to be escaped; what some readers take for a line end is escaped. */
function text(value: string): string {
  return /^[ !#-&(-[\]-~]*$/.test(value)
    ? `'${value}'`
    : JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** Text that cannot end a comment: these two are line ends to JavaScript. */
export const comment = (value: string): string => value.replaceAll(/[\u2028\u2029]/g, ' ');
