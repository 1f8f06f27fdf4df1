// The keys of all data in Redis. Each key contains the prefix as its hash tag, so that one script may use several keys even in a Redis
// Cluster. The keys of BullMQ's queues have the same tag.

export interface RedisKeys {
  /** The prefix in braces. BullMQ gets it as its prefix. */
  readonly tag: string;
  /** Hash: the record of a job. */
  job(jobId: string): string;
  /** Stream: the stored events of a job. */
  events(jobId: string): string;
  /** Hash: the bytes of each file of a job, by file name, and the bytes of its spec and its events; see lua/shared/usage.lua. */
  files(jobId: string): string;
  /** String that expires after 24 hours: the digest of a request body with an idempotency key, and the id of the created job or sweep. */
  idempotency(digest: string): string;
  /**
   * Sorted set, all scores 0: the ids of the jobs of an owner, in a status and with a label, in the order of their creation. An omitted
   * argument means all owners, all statuses, or any labels. The Lua function `changeLists` changes these sets.
   */
  list(owner?: string, status?: string, label?: string): string;
  /** Hash: an owner's stored bytes, training seconds and planned jobs; see lua/shared/usage.lua. */
  usage(owner: string): string;
  /** Sorted set: the ids of an owner's waiting jobs, next first: by priority, then by the time (ms) when each began to wait. */
  waitingOf(owner: string): string;
  /** Sorted set: the owners with waiting jobs, in the order in which their first job began to wait. */
  readonly waitingOwners: string;
  /** Hash: when each owner's last turn ended, as a number that increases with every turn; `*` holds the current number. */
  readonly lastTurns: string;
  /** Hash: how many jobs each owner may still start in its current turn. */
  readonly startsLeft: string;
  /** Hash: the weight of each API key whose weight is not 1. */
  readonly keyWeights: string;
  /** Sorted set: ids of interrupted jobs, which resume before waiting jobs start; scored by the time (ms) of the interruption. */
  readonly interrupted: string;
  /** List and sorted set: the wake-ups in BullMQ's queue `train`. */
  readonly wakeUps: string;
  readonly prioritizedWakeUps: string;
  /** Sorted set of version 0.1.0: the ids of the queued jobs of all owners. */
  readonly formerWaiting: string;
  /** String with a short lifetime: the lease of a worker on a job. */
  lease(jobId: string): string;
  /** String with a short lifetime: the id of the job that a claim took. */
  claimedJob(claimId: string): string;
  /** String with a short lifetime: how much of its rate limit a caller has used. */
  turns(subject: string): string;
  /** Hash that expires: the job of a stream token and the API key that created the token. */
  streamToken(digest: string): string;
  /** Sorted set: the digests of the stream tokens of an API key, scored by the time (ms) at which they expire. */
  streamTokensOf(keyName: string): string;
  /** Hash: the record of uploaded weights. */
  weights(id: string): string;
  /** Set: the users of uploaded weights, as earlier versions stored them. */
  formerWeightsUsers(id: string): string;
  /** Set: the names of the workers. */
  readonly workers: string;
  /** String with a short lifetime: the announcement of a worker. */
  worker(name: string): string;
  /** Channel: every event of every job as it happens. */
  readonly eventChannel: string;
  /** Sorted set: ids of jobs with a cancel or pause request for their worker, scored by the time (ms) of the request. */
  readonly actionRequests: string;
  /** Sorted set: ids of deleted or reserved jobs, weights and datasets that may have files, scored by the time (ms) of the removal. */
  readonly reservedFiles: string;
  /**
   * Sorted set: ids of ended jobs whose webhook is not in its queue yet, scored by the time (ms) of the end. Also the name of a channel.
   */
  readonly ended: string;
  /** Hash: the totals of the whole service; see ServiceTotals. */
  readonly totals: string;
  /** Hash: the record of a sweep, without its specs. */
  sweep(sweepId: string): string;
  /** Hash: the base spec of a sweep and, by its index, each trial's values and changes to that spec. */
  sweepTrials(sweepId: string): string;
  /** Sorted set, all scores 0: the ids of all sweeps, in the order of their creation. */
  readonly sweeps: string;
  /** Sorted set, like `sweeps`: the ids of the sweeps of one owner. */
  sweepsOf(owner: string): string;
  /** Set: the ids of the sweeps that have not ended. */
  readonly activeSweeps: string;
  /** String that expires after 30 days: exists if the receiver at an owner's webhook address has answered 410 Gone. */
  webhookGone(digest: string): string;
  /** Sorted set: the queue ids of an owner's parked webhooks, scored by the time (ms) at which they were queued. */
  parkedWebhooks(owner: string): string;
  /** Set: the owners that have parked webhooks. */
  readonly parkedOwners: string;
  /** String that expires within a minute: exists while a process sends webhooks to private addresses. */
  readonly privateWebhooks: string;
  /** Hash: the record of an uploaded dataset. */
  dataset(datasetId: string): string;
  /**
   * Sorted set: ids of jobs that use an uploaded dataset or were created with uploaded weights, scored by the time (ms) of their last
   * check. Jobs that have ended may be missing.
   */
  usersOf(uploadId: string): string;
  /** Sorted set, all scores 0: the ids of all uploaded datasets, in the order of their creation. */
  readonly datasets: string;
  /** Sorted set, like `datasets`: the ids of the datasets of one owner. */
  datasetsOf(owner: string): string;
  /** Hash that expires: the record of an upload that is still being read or has failed. */
  upload(id: string): string;
  /** Sorted set, like `datasets`: the ids of uploads with a record. Some of the records may have expired. */
  readonly uploads: string;
  /** Sorted set, like `uploads`: the ids of the uploads of one owner. */
  uploadsOf(owner: string): string;
  /** Hash: the ids of an owner's datasets, by the digest of their content. */
  contentsOf(owner: string): string;
  /** Hash: the record of a job, of uploaded weights or of an uploaded dataset, by its id. */
  holder(id: string): string;
  /** Channel: the ids of jobs whose cancel or pause is requested. */
  readonly actionChannel: string;
  /** String: a random id of the data in this Redis; see `RedisFindings.identity`. */
  readonly identity: string;
}

/** The prefix of the services. Each test uses another one. */
export const servicePrefix = 'trainyard';

/** Returns the keys for a prefix, such as `trainyard`. @throws RangeError if the prefix is empty or contains braces */
export function redisKeys(prefix: string): RedisKeys {
  if (prefix === '' || /[{}]/.test(prefix))
    throw new RangeError(`the key prefix must not be empty or contain braces, got ${JSON.stringify(prefix)}`);
  const tag = `{${prefix}}`;
  // Some names in Redis differ from the names here. They are those of earlier versions, whose data must stay readable.
  return {
    tag,
    job: (jobId) => `${tag}:job:${jobId}`,
    events: (jobId) => `${tag}:events:${jobId}`,
    files: (jobId) => `${tag}:files:${jobId}`,
    idempotency: (digest) => `${tag}:idempotency:${digest}`,
    list: (owner = '*', status = '*', label = '') => `${tag}:list:${owner}:${status}:${label}`,
    usage: (owner) => `${tag}:usage:${owner}`,
    waitingOf: (owner) => `${tag}:waiting:${owner}`,
    waitingOwners: `${tag}:waitingOwners`,
    lastTurns: `${tag}:lastTurns`,
    startsLeft: `${tag}:startsLeft`,
    keyWeights: `${tag}:keyWeights`,
    interrupted: `${tag}:interrupted`,
    wakeUps: `${tag}:train:wait`,
    prioritizedWakeUps: `${tag}:train:prioritized`,
    formerWaiting: `${tag}:waiting`,
    lease: (jobId) => `${tag}:lease:${jobId}`,
    claimedJob: (claimId) => `${tag}:taken:${claimId}`,
    turns: (subject) => `${tag}:turns:${subject}`,
    streamToken: (digest) => `${tag}:streamToken:${digest}`,
    streamTokensOf: (keyName) => `${tag}:streamTokens:${keyName}`,
    weights: (id) => `${tag}:weights:${id}`,
    formerWeightsUsers: (id) => `${tag}:weights:${id}:users`,
    workers: `${tag}:workers`,
    worker: (name) => `${tag}:worker:${name}`,
    eventChannel: `${tag}:events`,
    actionRequests: `${tag}:leaving`,
    reservedFiles: `${tag}:remains`,
    ended: `${tag}:ended`,
    totals: `${tag}:totals`,
    sweep: (sweepId) => `${tag}:sweep:${sweepId}`,
    sweepTrials: (sweepId) => `${tag}:sweepTrials:${sweepId}`,
    sweeps: `${tag}:sweeps`,
    sweepsOf: (owner) => `${tag}:sweeps:${owner}`,
    activeSweeps: `${tag}:activeSweeps`,
    parkedWebhooks: (owner) => `${tag}:parkedWebhooks:${owner}`,
    parkedOwners: `${tag}:parkedOwners`,
    privateWebhooks: `${tag}:privateWebhooks`,
    webhookGone: (digest) => `${tag}:webhookGone:${digest}`,
    dataset: (datasetId) => `${tag}:dataset:${datasetId}`,
    usersOf: (uploadId) => `${tag}:users:${uploadId}`,
    datasets: `${tag}:datasets`,
    datasetsOf: (owner) => `${tag}:datasets:${owner}`,
    upload: (id) => `${tag}:upload:${id}`,
    uploads: `${tag}:uploads`,
    uploadsOf: (owner) => `${tag}:uploads:${owner}`,
    contentsOf: (owner) => `${tag}:contents:${owner}`,
    holder: (id) => `${tag}:${id.startsWith('ds_') ? 'dataset' : id.startsWith('wt_') ? 'weights' : 'job'}:${id}`,
    actionChannel: `${tag}:wishes`,
    identity: `${tag}:identity`,
  };
}
