// Parts of the messages about tables.

/** Returns a number with its noun: 1 row, 2 rows. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const MOST_SHOWN = 20;

/** Returns a text in quotes, shortened to 60 characters. */
export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);

/** Returns up to 20 names in quotes, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_SHOWN).map(quoted);
  return names.length > MOST_SHOWN ? `${shown.join(', ')} and ${names.length - MOST_SHOWN} more` : shown.join(', ');
}

/**
 * Returns the form field that leaves these columns out, such as `columns=["!id"]`. Choices that were sent in the field are kept.
 * @param sent the value of the form field `columns` in the request
 */
export function withoutColumns(names: readonly string[], sent: readonly string[] | undefined): string {
  const kept = (sent ?? []).filter((name) => !names.includes(name));
  const isByName = kept.some((name) => !name.startsWith('!'));
  return `columns=${JSON.stringify(isByName ? kept : [...kept, ...names.map((name) => `!${name}`)])}`;
}
