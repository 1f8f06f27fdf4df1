// Shows a job's events while they happen: on a terminal one line that is drawn over, and everywhere one line an epoch.
import { isFinal, type JobEvent } from '@trainyard/contracts';
import { formatCount, formatLoss, formatSeconds, formatShare } from './numbers.ts';

export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const longestBar = 24;
const shortestBar = 4;
const indent = '  ';
const eraseLine = '\r\x1b[2K';

type EpochData = Extract<JobEvent, { event: 'epoch' }>['data'];
type StepData = Extract<JobEvent, { event: 'step' }>['data'];

export interface ProgressOptions {
  readonly screen: Screen;
  readonly epochs: number;
  readonly batchSize: number;
  /** A clock in ms; default: that of this process. */
  readonly now?: () => number;
}

/** Where training stood at a moment: `step` counts through all epochs. */
interface Mark {
  readonly epoch: number;
  readonly step: number;
  readonly at: number;
}

export class Progress {
  readonly #screen: Screen;
  readonly #epochs: number;
  readonly #batchSize: number;
  readonly #now: () => number;
  #isDrawn = false;
  #firstOfJob: Mark | null = null;
  #firstOfEpoch: Mark | null = null;

  constructor({ screen, epochs, batchSize, now = () => performance.now() }: ProgressOptions) {
    this.#screen = screen;
    this.#epochs = epochs;
    this.#batchSize = batchSize;
    this.#now = now;
  }

  /** Draws what the event says, if anything. */
  show(event: JobEvent): void {
    switch (event.event) {
      case 'status':
        if (!isFinal(event.data.status)) this.#draw(event.data.status);
        break;
      case 'log':
        // What is only under way, such as a download, need not stay on a terminal.
        if (event.data.level === 'info' && this.#screen.isTTY === true) this.#draw(event.data.message);
        else this.print(event.data.message);
        break;
      case 'step':
        this.#draw(this.#describeStep(event.data));
        break;
      case 'epoch':
        this.print(describeEpoch(event.data));
        break;
      case 'gradients':
      case 'checkpoint':
        // Nothing that whoever watches has to know.
        break;
    }
  }

  /** Writes a line that stays, above the one that is drawn over. */
  print(line: string): void {
    this.clear();
    this.#screen.write(`${indent}${line}\n`);
  }

  /** Takes away the line that is drawn over. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#screen.write(eraseLine);
    this.#isDrawn = false;
  }

  /** What a line can hold. Some terminals call themselves 0 columns wide. */
  get #columns(): number {
    return (this.#screen.columns || 80) - indent.length - 1;
  }

  #draw(line: string): void {
    if (this.#screen.isTTY !== true) return;
    // A line that wraps cannot be drawn over.
    this.#screen.write(eraseLine + indent + line.slice(0, this.#columns));
    this.#isDrawn = true;
  }

  #describeStep({ epoch, step, stepsPerEpoch, loss }: StepData): string {
    const mark = { epoch, step: (epoch - 1) * stepsPerEpoch + step, at: this.#now() };
    this.#firstOfJob ??= mark;
    if (this.#firstOfEpoch?.epoch !== epoch) this.#firstOfEpoch = mark;
    const parts = [`${step}/${stepsPerEpoch}`, `loss ${formatLoss(loss)}`];
    // The epoch's own pace, for evaluations are no training; what is left, with them, by the whole job's.
    const pace = stepsPerSecond(this.#firstOfEpoch, mark);
    const overall = stepsPerSecond(this.#firstOfJob, mark);
    if (pace !== null) parts.push(`${formatCount(pace * this.#batchSize)} samples/s`);
    if (overall !== null) parts.push(`ETA ${formatSeconds((this.#epochs * stepsPerEpoch - mark.step) / overall)}`);
    const text = [`epoch ${epoch}/${this.#epochs}  `, `  ${parts.join('  ')}`] as const;
    return text.join(bar(step / stepsPerEpoch, this.#columns - text.join('').length));
  }
}

/** As long as there is room for, within bounds. */
function bar(share: number, room: number): string {
  const columns = Math.min(Math.max(room, shortestBar), longestBar);
  const filled = Math.round(share * columns);
  return '█'.repeat(filled) + '░'.repeat(columns - filled);
}

/** Null until two different steps were seen. */
function stepsPerSecond(from: Mark, to: Mark): number | null {
  return to.step > from.step && to.at > from.at ? ((to.step - from.step) / (to.at - from.at)) * 1_000 : null;
}

function describeEpoch({ epoch, epochs, trainLoss, testLoss, testAccuracy, seconds, samplesPerSecond }: EpochData): string {
  return [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `train loss ${formatLoss(trainLoss)}`,
    ...(testLoss === null ? [] : [`test loss ${formatLoss(testLoss)}`]),
    ...(testAccuracy === null ? [] : [`test accuracy ${formatShare(testAccuracy)}`]),
    formatSeconds(seconds),
    `${formatCount(samplesPerSecond)} samples/s`,
  ].join('  ');
}
