// Formats the layers of a dry run as a table for a terminal.
import type { DryRunAnswer } from '@trainyard/contracts';
import { formatBytes, formatCount } from './numbers.ts';

const head = ['name', 'layer', 'output', 'parameters', 'multiply-adds'];
/** The number of columns with words. The columns after them contain numbers. */
const wordColumns = 2;

/** Returns the lines of the table: one per layer, and the totals. */
export function layerTable({ layers, totals }: DryRunAnswer): string[] {
  const rows = layers.map((layer) => [
    layer.name,
    layer.type,
    layer.outputShape.join('×'),
    formatCount(layer.parameters),
    formatCount(layer.multiplyAdds),
  ]);
  const total = ['', 'total', '', formatCount(totals.parameters), formatCount(totals.multiplyAdds)];
  const all = [head, ...rows, total];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column < wordColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  const rule = '─'.repeat(line(head).length);
  return [line(head), rule, ...rows.map(line), rule, line(total), `memory about ${formatBytes(totals.memoryBytes)}`];
}
