// Shows the events of a job as they arrive: one line per epoch, and on a terminal also a status line that is redrawn in place.
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
  /** A clock in ms. Default `performance.now`. */
  readonly now?: () => number;
}

/** The progress of the training at the time `at`, in ms. `step` is counted over all epochs. */
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

  /** Shows an event. Some types are not shown. */
  show(event: JobEvent): void {
    switch (event.event) {
      case 'status':
        if (!isFinal(event.data.status)) this.#draw(event.data.status);
        break;
      case 'log':
        // Temporary information, such as the progress of a download, goes to the status line of a terminal.
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
        // Not shown: the demo only follows the losses.
        break;
    }
  }

  /** Writes a permanent line above the status line. */
  print(line: string): void {
    this.clear();
    this.#screen.write(`${indent}${line}\n`);
  }

  /** Erases the status line. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#screen.write(eraseLine);
    this.#isDrawn = false;
  }

  /** The width of the status line without its indent. Some terminals report a width of 0; then 80 is assumed. */
  get #columns(): number {
    return (this.#screen.columns || 80) - indent.length - 1;
  }

  #draw(line: string): void {
    if (this.#screen.isTTY !== true) return;
    // Cuts the line, because a wrapped line cannot be redrawn.
    this.#screen.write(eraseLine + indent + line.slice(0, this.#columns));
    this.#isDrawn = true;
  }

  #describeStep({ epoch, step, stepsPerEpoch, loss }: StepData): string {
    const mark = { epoch, step: (epoch - 1) * stepsPerEpoch + step, at: this.#now() };
    this.#firstOfJob ??= mark;
    if (this.#firstOfEpoch?.epoch !== epoch) this.#firstOfEpoch = mark;
    const parts = [`${step}/${stepsPerEpoch}`, `loss ${formatLoss(loss)}`];
    // The shown speed is that of the epoch, without evaluations. The ETA uses the speed of the whole job, which includes evaluations.
    const pace = stepsPerSecond(this.#firstOfEpoch, mark);
    const overall = stepsPerSecond(this.#firstOfJob, mark);
    if (pace !== null) parts.push(`${formatCount(pace * this.#batchSize)} samples/s`);
    if (overall !== null) parts.push(`ETA ${formatSeconds((this.#epochs * stepsPerEpoch - mark.step) / overall)}`);
    const text = [`epoch ${epoch}/${this.#epochs}  `, `  ${parts.join('  ')}`] as const;
    return text.join(bar(step / stepsPerEpoch, this.#columns - text.join('').length));
  }
}

/** Draws a progress bar as long as `room`, but at least 4 and at most 24 columns. */
function bar(share: number, room: number): string {
  const columns = Math.min(Math.max(room, shortestBar), longestBar);
  const filled = Math.round(share * columns);
  return '█'.repeat(filled) + '░'.repeat(columns - filled);
}

/** Returns the steps per second; null if no step was made between the two marks. */
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
