// The request to end a run before its job is fully trained, with the reason. A request with a stronger reason replaces the current request,
// for example: a job that is being paused can still be cancelled.
import type { TrainSignals } from './serveTraining.ts';

/** The reasons to end a run, from the weakest to the strongest. After `lost` nothing may be written for the job. */
const stopReasons = ['pause', 'handBack', 'cancel', 'lost'] as const;
export type StopReason = (typeof stopReasons)[number];

export class StopRequest implements TrainSignals {
  readonly #stop = new AbortController();
  readonly #pause = new AbortController();
  #reason: StopReason | undefined;

  /** Aborted when the run must end at once: after `cancel`, `lost` or `stopNow`. */
  readonly stop: AbortSignal = this.#stop.signal;
  /** Aborted when the run must end after the current step: after `pause` or `handBack`. */
  readonly pause: AbortSignal = this.#pause.signal;
  /** Aborted when `stop` or `pause` is aborted. */
  readonly any: AbortSignal = AbortSignal.any([this.stop, this.pause]);

  /** The strongest reason so far; undefined if nobody has requested the end. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Requests the end of the run. Safe to repeat. */
  request(reason: StopReason): void {
    const isStronger = this.#reason === undefined || stopReasons.indexOf(reason) > stopReasons.indexOf(this.#reason);
    if (isStronger) this.#reason = reason;
    if (reason === 'cancel' || reason === 'lost') this.#stop.abort(new Error(reason));
    else this.#pause.abort(new Error(reason));
  }

  /** Ends at once a run that did not end in time after `request`. */
  stopNow(): void {
    this.#stop.abort(new Error(this.#reason));
  }
}
