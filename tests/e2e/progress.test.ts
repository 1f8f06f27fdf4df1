// Tests how the demo shows the events of a job, on a terminal and in a file, and its loss chart.
import type { JobEvent } from '@trainyard/contracts';
import { lossChart, Progress } from '@trainyard/local';
import { describe, expect, test } from 'vitest';

const jobId = 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';
const step = (epoch: number, step: number): JobEvent => ({ event: 'step', data: { jobId, epoch, step, stepsPerEpoch: 100, loss: 0.25 } });
const epoch: JobEvent = {
  id: '1-0',
  event: 'epoch',
  data: {
    jobId,
    epoch: 1,
    epochs: 2,
    trainLoss: 0.5,
    testLoss: 0.25,
    testAccuracy: 0.925,
    learningRate: 0.01,
    seconds: 2,
    samplesPerSecond: 5_000,
    gradientNorm: 1,
  },
};

/** Returns a screen that keeps its output, and a progress on it whose clock the test sets. */
function progressOn(isTTY: boolean, columns = 200) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const screen = { isTTY, columns, write: (text: string) => written.push(text) };
  return { written, clock, progress: new Progress({ screen, epochs: 2, batchSize: 50, now: () => clock.ms }) };
}

describe('progress', () => {
  test('on a terminal redraws one line with the speed and the remaining time', () => {
    const { written, clock, progress } = progressOn(true);
    progress.show(step(1, 10));
    clock.ms = 1_000;
    progress.show(step(1, 50));
    // 40 steps of 50 samples per second; 150 of 200 steps remain.
    expect(written.at(-1)).toBe(
      `\r\x1b[2K  epoch 1/2  ${'█'.repeat(12)}${'░'.repeat(12)}  50/100  loss 0.2500  2,000 samples/s  ETA 3.8 s`,
    );
  });

  test('on a terminal of 80 columns has a shorter bar', () => {
    const { written, clock, progress } = progressOn(true, 80);
    progress.show(step(1, 10));
    clock.ms = 1_000;
    progress.show(step(1, 50));
    const [start, line] = ['\r\x1b[2K', written.at(-1) ?? ''];
    expect(line.startsWith(start)).toBe(true);
    expect(line.slice(start.length)).toMatch(/^ {2}epoch 1\/2 {2}█+░+ {2}50\/100 .* ETA 3\.8 s$/);
    expect(line).toHaveLength(start.length + 79);
  });

  test('on a narrow terminal does not wrap', () => {
    const { written, progress } = progressOn(true, 40);
    progress.show(step(1, 10));
    expect(written.at(-1)).toHaveLength('\r\x1b[2K'.length + 39);
  });

  test('without a terminal prints one line per epoch', () => {
    const { written, progress } = progressOn(false);
    for (const event of [step(1, 10), epoch, step(2, 10)]) progress.show(event);
    expect(written).toEqual(['  epoch 1/2  train loss 0.5000  test loss 0.2500  test accuracy 92.50 %  2.0 s  5,000 samples/s\n']);
  });

  test('on a terminal shows temporary information only in the status line, and prints warnings', () => {
    const { written, progress } = progressOn(true);
    const log = (level: 'info' | 'warn', message: string): JobEvent => ({ id: '1-1', event: 'log', data: { jobId, level, message } });
    progress.show(log('info', 'loading'));
    progress.show(log('warn', 'slow'));
    expect(written).toEqual(['\r\x1b[2K  loading', '\r\x1b[2K', '  slow\n']);
  });

  test('prints the line of an epoch above the status line', () => {
    const { written, progress } = progressOn(true);
    for (const event of [step(1, 10), epoch]) progress.show(event);
    expect(written.slice(1)).toEqual(['\r\x1b[2K', expect.stringMatching(/^ {2}epoch 1\/2 .*\n$/)]);
  });
});

describe('the loss chart', () => {
  test('draws training and test losses next to each other with the same scale', () => {
    const lines = lossChart([
      { trainLoss: 1, testLoss: 0.5 },
      { trainLoss: 0.25, testLoss: 0 },
    ]);
    expect(lines[0]).toMatch(/train loss +test loss/);
    expect(lines[1]).toMatch(/^ *1\.00 .* 1\.00 /);
    expect(lines.at(-2)).toMatch(/^ *0\.00 .* 0\.00 /);
  });

  test('draws only the training losses without a test set, and nothing for a single epoch', () => {
    const lines = lossChart([
      { trainLoss: 1, testLoss: null },
      { trainLoss: 0.5, testLoss: null },
    ]);
    expect(lines.join('\n')).not.toContain('test loss');
    expect(lossChart([{ trainLoss: 1, testLoss: 1 }])).toEqual([]);
  });
});
