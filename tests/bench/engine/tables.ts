// The engine benchmark's findings as people read them: lines of text while it runs, and Markdown tables.
import type { KernelTime } from './kernelTimes.ts';
import { multiplyAdds, type Row } from './workloads.ts';

export interface Measured {
  readonly row: Row;
  /** Medians over the slices, in µs a step. */
  readonly oursUs: number;
  readonly peer: string | null;
  readonly peerUs: number | null;
  /** Ours over the peer's. */
  readonly ratio: number | null;
}

const us = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: value < 1_000 ? 1 : 0 });

/** Three passes, two of them backward, of a multiplication and an addition each. */
const gflops = ({ row, oursUs }: Measured): string => ((6 * multiplyAdds(row) * row.batch) / oursUs / 1e3).toFixed(1);

/** A row of the running table, under its heading if it is the first. */
export function measuredText(measured: Measured, isFirst: boolean): string {
  const { row, oursUs, peer, peerUs, ratio } = measured;
  const columns = [
    row.workload.padEnd(12),
    String(row.batch).padStart(5),
    String(row.threads).padStart(8),
    us(oursUs).padStart(11),
    (peerUs === null ? '–' : us(peerUs)).padStart(11),
    (ratio === null ? '–' : ratio.toFixed(3)).padStart(8),
    `≤ ${row.target.toFixed(2)}`.padStart(8),
    gflops(measured).padStart(9),
  ];
  const line = `${columns.join('')}${ratio === null ? '' : ratio <= row.target ? '' : '  missed'}`;
  if (!isFirst) return line;
  const names: readonly [string, number][] = [
    ['batch', 5],
    ['threads', 8],
    ['ours µs', 11],
    ['peer µs', 11],
    ['ratio', 8],
    ['target', 8],
    ['GFLOP/s', 9],
  ];
  const heading = `${'workload'.padEnd(12)}${names.map(([name, width]) => name.padStart(width)).join('')}`;
  return `${peer === null ? '' : `The peer is ${peer}.\n`}${heading}\n${line}`;
}

/** The table of the document. */
export function measuredTable(measured: readonly Measured[], engine: string, images: string, ceiling: number | null): string {
  const peer = measured.find(({ peer }) => peer !== null)?.peer ?? 'no PyTorch';
  const lines = measured.map((each) => {
    const { row, oursUs, peerUs, ratio } = each;
    const cells = [
      row.workload,
      row.batch,
      row.threads,
      us(oursUs),
      peerUs === null ? '–' : us(peerUs),
      ratio?.toFixed(3) ?? '–',
      `≤ ${row.target.toFixed(2)}`,
      gflops(each),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `| workload | batch | threads | ours, µs a step | ${peer}, µs | ratio | target | ours, GFLOP/s |`,
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
    `Version of the engine: ${engine}.`,
    ...(measured.some(({ row }) => row.workload === 'mnist_epoch') ? [`Images of mnist_epoch: ${images}.`] : []),
    ...(ceiling === null ? [] : [`Ceiling of one core during the measurement: ${ceiling.toFixed(1)} GFLOP/s.`]),
  ].join('\n');
}

/** Kernels below this share of a step are added up. */
const LEAST_SHARE = 0.01;

/** What each kernel takes of a step, and how much of the core's ceiling it reaches. */
export function kernelTable(row: Row, kernels: readonly KernelTime[], ceiling: number): string {
  const [large, small] = [true, false].map((isLarge) => kernels.filter(({ shareOfStep }) => shareOfStep >= LEAST_SHARE === isLarge));
  const others: KernelTime = {
    kernel: 'all others',
    size: '',
    callsPerStep: small.reduce((sum, { callsPerStep }) => sum + callsPerStep, 0),
    usPerStep: small.reduce((sum, { usPerStep }) => sum + usPerStep, 0),
    shareOfStep: small.reduce((sum, { shareOfStep }) => sum + shareOfStep, 0),
    gflops: null,
  };
  const lines = [...large, others].map(({ kernel, size, usPerStep, shareOfStep, gflops }) => {
    const speed = gflops === null ? ['', ''] : [gflops.toFixed(1), `${((100 * gflops) / ceiling).toFixed(0)} %`];
    return `| ${[kernel, size, us(usPerStep), `${(100 * shareOfStep).toFixed(1)} %`, ...speed].join(' | ')} |`;
  });
  return [
    `${row.workload}, batch ${row.batch}, ${row.threads} thread:`,
    '',
    '| kernel | size | µs a step | of the step | GFLOP/s | of the ceiling |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}
