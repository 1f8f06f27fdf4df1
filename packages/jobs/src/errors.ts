// The errors of this package. Each has a stable `code` for programs and a message that says what to do.
import type { JobStatus } from '@trainyard/contracts';

/** The base class of the errors of this package. */
export class JobsError extends Error {
  /** A stable code in camelCase, for programs. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** There is no job with this id. */
export class JobNotFoundError extends JobsError {
  readonly jobId: string;

  constructor(jobId: string) {
    super('jobNotFound', `there is no job ${jobId}`);
    this.jobId = jobId;
  }
}

/** The job's status does not allow the action. */
export class JobStateError extends JobsError {
  readonly jobId: string;
  readonly action: string;
  readonly status: JobStatus;

  constructor(jobId: string, action: string, status: JobStatus) {
    super('wrongState', `cannot ${action} ${jobId}: it is ${status}`);
    this.jobId = jobId;
    this.action = action;
    this.status = status;
  }
}

/** The job began with the checkpoint of another job, so its spec alone does not say what it computed. */
export class NotRepeatableError extends JobsError {
  readonly jobId: string;

  constructor(jobId: string) {
    super(
      'notRepeatable',
      `cannot verify ${jobId}: it began with the checkpoint of another job. Verify a job that was trained from its beginning`,
    );
    this.jobId = jobId;
  }
}

/** The job has no checkpoint that a new job could begin with. */
export class NoCheckpointError extends JobsError {
  readonly jobId: string;

  constructor(jobId: string) {
    super('noCheckpoint', `cannot fork ${jobId}: it has no checkpoint (yet)`);
    this.jobId = jobId;
  }
}

/** Storing the files of a new job, dataset or weights took so long that the reservation of its id expired. */
export class ReservationExpiredError extends JobsError {
  constructor(jobId: string) {
    super('reservationExpired', `${jobId} was not created: storing its files took longer than its reservation lasts. Try again`);
  }
}

/** There is no uploaded dataset with this id. */
export class DatasetNotFoundError extends JobsError {
  readonly datasetId: string;

  constructor(datasetId: string) {
    super('datasetNotFound', `there is no dataset ${datasetId}`);
    this.datasetId = datasetId;
  }
}

/** A job that has not ended uses the dataset. */
export class DatasetInUseError extends JobsError {
  constructor(datasetId: string, jobId: string) {
    super('datasetInUse', `${datasetId} is used by ${jobId}, which has not ended: cancel it first, or wait for its end`);
  }
}

/** A request used an idempotency key that was used before with another body. */
export class IdempotencyMismatchError extends JobsError {
  constructor() {
    super('idempotencyMismatch', 'this Idempotency-Key was used for another body within 24 hours: use a new key for a new request');
  }
}

/** There are no uploaded weights with this id. */
export class WeightsNotFoundError extends JobsError {
  constructor(id: string) {
    super('weightsNotFound', `there are no weights ${id}`);
  }
}

/** A job that has not ended uses the weights. */
export class WeightsInUseError extends JobsError {
  constructor(id: string, jobId: string) {
    super('weightsInUse', `${id} is used by ${jobId}, which has not ended: cancel it first, or wait for its end`);
  }
}

/** The request would exceed a quota of its owner. */
export class QuotaExceededError extends JobsError {
  readonly quota: 'queuedJobs' | 'storageBytes' | 'redisBytes' | 'trainingSeconds';
  /** The time after which the caller may try again, in seconds; 0 if the caller must delete something first. */
  readonly retryAfterSeconds: number;

  constructor(quota: QuotaExceededError['quota'], limit: number, used: number, retryAfterSeconds: number) {
    super('quotaExceeded', quotaMessages[quota](limit, used));
    this.quota = quota;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const quotaMessages: Readonly<Record<QuotaExceededError['quota'], (limit: number, used: number) => string>> = {
  queuedJobs: (limit, used) =>
    `this key may have ${limit} jobs that have not ended, and has ${used}: wait until some jobs end, or cancel some`,
  storageBytes: (limit, used) => `this key may store ${limit} bytes, and stores ${used}: delete jobs, sweeps, datasets or weights`,
  redisBytes: (limit, used) =>
    `the jobs and sweeps of this key may use ${limit} bytes of Redis memory, and use ${used}: wait until some end, or delete some`,
  trainingSeconds: (limit, used) =>
    `this key may train for ${limit} seconds in a day (UTC), and has trained for ${Math.round(used * 10) / 10}: try again tomorrow`,
};

export type ArtifactErrorCode =
  | 'diskFull'
  | 'artifactNotFound'
  | 'artifactTooLarge'
  | 'damagedArtifact'
  | 'invalidArtifactName'
  | 'invalidRange'
  | 'storageDenied'
  | 'storageReadOnly'
  | 'storageUnavailable';

/** A file could not be stored or read. */
export class ArtifactError extends JobsError {
  declare readonly code: ArtifactErrorCode;
  /** The artifact, as `<job id>/<name>`. */
  readonly artifact: string;
  /** The message without the artifact. */
  readonly reason: string;

  constructor(code: ArtifactErrorCode, artifact: string, reason: string, options?: ErrorOptions) {
    super(code, `${artifact}: ${reason}`, options);
    this.artifact = artifact;
    this.reason = reason;
  }
}

/** Redis could not be started. */
export class RedisStartError extends JobsError {
  constructor(message: string, options?: ErrorOptions) {
    super('redisStart', message, options);
  }
}

/** Another process uses the same data folder. */
export class HomeLockedError extends JobsError {
  constructor(message: string) {
    super('homeLocked', message);
  }
}

/** A variable with an invalid value. The value is omitted if it is a secret. */
export interface EnvironmentIssue {
  readonly variable: string;
  readonly message: string;
}

/** The environment is invalid. Contains all invalid variables. */
export class EnvironmentError extends JobsError {
  readonly issues: readonly EnvironmentIssue[];

  constructor(issues: readonly EnvironmentIssue[]) {
    super('invalidEnvironment', issues.map((issue) => `${issue.variable}: ${issue.message}`).join('\n'));
    this.issues = issues;
  }
}
