// Parts of the messages about tables.

/** A number with its noun: 1 row, 2 rows. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const MOST_SHOWN = 20;

/** A text in quotes, shortened. */
export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);

/** Names in quotes. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_SHOWN).map(quoted);
  return names.length > MOST_SHOWN ? `${shown.join(', ')} and ${names.length - MOST_SHOWN} more` : shown.join(', ');
}

/**
 * The form field that leaves columns out, as it must be sent: `columns=["!id"]`.
 * @param sent what the form has for `columns` now
 */
export function withoutColumns(names: readonly string[], sent: readonly string[] | undefined): string {
  const kept = (sent ?? []).filter((name) => !names.includes(name));
  const isByName = kept.some((name) => !name.startsWith('!'));
  return `columns=${JSON.stringify(isByName ? kept : [...kept, ...names.map((name) => `!${name}`)])}`;
}
