// Checks the functions that docs/architecture.md names for each kind of request: each file exists and has a function of that name.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);

test('each step of a request names a file and a function in it', async () => {
  const text = await readFile(new URL('docs/architecture.md', root), 'utf8');
  const steps = [...text.matchAll(/^\d+\. `([\w/.]+)`(?: `(#?\w+)`)?/gm)];
  expect(steps.length).toBeGreaterThan(35);
  for (const [, file = '', name] of steps) {
    const source = await readFile(new URL(file, root), 'utf8');
    if (file.endsWith('.lua')) continue;
    // A function, a constant or a method. The file may also use the name elsewhere.
    const definition = `^ *(?:export )?(?:async )?(?:function\\*? |const |static |async )*\\*?${name}\\s*[(=:<]`;
    expect(source, `${file} defines ${name}`).toMatch(new RegExp(definition, 'm'));
  }
});
