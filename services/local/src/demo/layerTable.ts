// The network as the dry run describes it, as a table for a terminal.
import type { DryRunAnswer } from '@trainyard/contracts';
import { formatBytes, formatCount } from './numbers.ts';

const head = ['name', 'layer', 'output', 'parameters', 'multiply-adds'];
/** The first columns hold words, the others numbers. */
const wordColumns = 2;

/** Lines of equal columns: one a layer, and the totals. */
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
