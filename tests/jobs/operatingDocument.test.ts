// Checks the table of shared resources in docs/operating.md: each setting in it exists, and its default is correct.
import { readFile } from 'node:fs/promises';
import { environmentDefaults, environmentVariables } from '@trainyard/jobs';
import { expect, test } from 'vitest';

const columns = ['resource', 'bound', 'share of a key', 'setting', 'what happens above it'];

/** Returns the rows of all tables that have these columns. */
async function rows(): Promise<Record<string, string>[]> {
  const text = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const tables = text.matchAll(/^\| (resource \|[^\n]*) \|\n\|[-| ]*\|\n((?:\|[^\n]*\|\n)+)/gm);
  return [...tables].flatMap(([, header = '', body = '']) => {
    expect(header.split(' | ')).toEqual(columns);
    return body
      .trim()
      .split('\n')
      .map((line) =>
        Object.fromEntries(
          line
            .slice(2, -2)
            .split(' | ')
            .map((cell, at) => [columns[at] ?? 'extra', cell]),
        ),
      );
  });
}

test('every row of the table is complete, and no two rows name the same resource', async () => {
  const found = await rows();
  expect(found.length).toBeGreaterThan(15);
  for (const row of found) {
    expect(Object.keys(row)).toEqual(columns);
    for (const cell of Object.values(row)) expect(cell.trim(), row['resource']).not.toBe('');
  }
  expect(new Set(found.map(({ resource }) => resource)).size).toBe(found.length);
});

test('every setting of a shared resource exists with the default that the table shows', async () => {
  const shown = (await rows()).flatMap(({ setting = '' }) => {
    const named = [...setting.matchAll(/`([A-Z_]+)` \((?:`([^`]+)`|none)\)/g)];
    // The cell must not name a variable in a form that this expression does not match. The remaining text is "fixed" or a setting of
    // another program.
    expect(setting.replaceAll(/`[A-Z_]+` \((?:`[^`]+`|none)\)/g, '')).not.toMatch(/[A-Z]{2}_|`/);
    return named.map(([, name = '', value]) => ({ name, value: value === undefined ? null : Number(value) }));
  });
  expect(shown.length).toBeGreaterThan(10);
  for (const { name, value } of shown) {
    expect(environmentVariables).toContain(name);
    expect({ name, value }).toEqual({ name, value: environmentDefaults[name] ?? null });
  }
});
