// Puts what a benchmark found into a document, between two marks that stay: `<!-- NAME -->` and `<!-- end of NAME -->`.
import { readFile, writeFile } from 'node:fs/promises';

/** @throws Error when the document does not have both marks. */
export async function writeBetweenMarks(file: string, name: string, text: string): Promise<void> {
  const [from, to] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const document = await readFile(file, 'utf8');
  const [start, end] = [document.indexOf(from), document.indexOf(to)];
  if (start < 0 || end < start) throw new Error(`${file} has no ${from} with ${to} after it`);
  await writeFile(file, `${document.slice(0, start + from.length)}\n${text}\n${document.slice(end)}`);
}
