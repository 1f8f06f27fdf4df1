// The errors of webhook deliveries, and their texts for the owner of the job.
import { UnrecoverableError } from 'bullmq';
import { InvalidAnswerError, NoAnswerError, type Receipt } from './sendWebhook.ts';

/** The setting that a process needs for a delivery but does not have. */
export type MissingSetting = 'TRAINYARD_WEBHOOK_SECRET' | 'TRAINYARD_WEBHOOK_PRIVATE';

/** The longest pause that a receiver's Retry-After can request, in ms. */
const longestRetryAfterMs = 60 * 60 * 1_000;

/** An attempt that failed. The queue makes another attempt after at least `pauseMs`. */
export class AttemptError extends Error {
  readonly pauseMs: number;

  constructor(message: string, pauseMs = 0) {
    super(message);
    this.name = 'AttemptError';
    this.pauseMs = pauseMs;
  }
}

/** An attempt was ended because this process stops. */
export class StoppingError extends Error {
  constructor() {
    super('the service stopped before its receiver answered');
    this.name = 'StoppingError';
  }
}

/** This process lacks a setting to send the delivery, but another process may have it. This does not count as an attempt. */
export class LeftError extends Error {
  readonly setting: MissingSetting;

  constructor(setting: MissingSetting) {
    super(`waits for an API process that has ${setting}`);
    this.name = 'LeftError';
    this.setting = setting;
  }
}

/** All places of the key are in use, so the delivery cannot be sent now. This does not count as an attempt. */
export class NoPlaceError extends Error {
  readonly owner: string;

  constructor(owner: string) {
    super('waits for a place');
    this.name = 'NoPlaceError';
    this.owner = owner;
  }
}

/** Returns the error for a response other than 2xx and 410. */
export function refusal({ status, retryAfterSeconds }: Receipt): AttemptError {
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return new AttemptError(`its receiver answered ${status}${redirect}`, Math.min((retryAfterSeconds ?? 0) * 1_000, longestRetryAfterMs));
}

/** Describes a failure for the owner of the job, without details about the network of this service. */
export function describe(error: unknown): string {
  const isOurs = [UnrecoverableError, AttemptError, NoAnswerError, InvalidAnswerError, StoppingError].some((kind) => error instanceof kind);
  if (isOurs && error instanceof Error) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return `its receiver could not be reached${/^[A-Z_0-9]{1,40}$/.test(code) ? ` (${code})` : ''}`;
}
