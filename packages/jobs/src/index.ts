// The data of the service in Redis and in files: the records, the queue, the events and the artifacts of jobs. Also the start of a process:
// its Redis and its environment variables. Does not contain HTTP or training.

export type { ArtifactPlace, ArtifactStat, ArtifactStore, ByteRange } from './artifacts/artifactStore.ts';
export { FolderArtifactStore } from './artifacts/folderArtifactStore.ts';
export { fetchArtifact, openArtifacts, readArtifact } from './artifacts/openArtifacts.ts';
export * from './artifacts/snapshots.ts';
export { diskErrorOf, inStorage, isStorageAway, storageErrorOf, systemCodeOf, unlessAborted } from './artifacts/storageErrors.ts';
export { attemptsWithoutProgressAllowed, type Claim, type ClaimedJob, type PreviousEnd } from './claim.ts';
export { type DatasetRecord, DatasetStore, type NewDataset, type StoredStatistics } from './datasetStore.ts';
export {
  type ApiKey,
  type ApiKeyRole,
  ApiKeys,
  apiKeyRoles,
  createApiKey,
  findApiKey,
  parseApiKeys,
  watchKeyFile,
} from './environment/apiKeys.ts';
export { ClosedError, CloseStack, within } from './environment/closeStack.ts';
export {
  echoMs,
  type HomeLock,
  type InterruptionSignal,
  interruptionSignals,
  lockHome,
  machineMemoryBytes,
  onInterruption,
  onLauncherGone,
  type ReadyMessage,
  reportReady,
} from './environment/process.ts';
export {
  type Environment,
  environmentDefaults,
  environmentVariables,
  isLoopback,
  logLevels,
  readEnvironment,
  requireKeysBeyondLoopback,
} from './environment/readEnvironment.ts';
export { runService, type Service, type ServiceBase } from './environment/runService.ts';
export { requireWritableFolders } from './environment/writableFolders.ts';
export * from './errors.ts';
export { type EncodedEvent, EventBatch } from './events/eventBatch.ts';
export { EventHub, type EventHubOptions, type FollowOptions } from './events/eventHub.ts';
export {
  compareEventIds,
  EventLog,
  type EventRange,
  hasEndedBy,
  type JobHead,
  type RangeOptions,
} from './events/eventLog.ts';
export type { Follower, FollowOutcome } from './events/follower.ts';
export { type StreamToken, StreamTokens, type TokenHolder } from './events/streamTokens.ts';
export { type RenameTurns, Renames } from './renames/renames.ts';
export { createWith, initialWeightsOf, type WeightSources } from './initialWeights.ts';
export { Reaper } from './jobActions.ts';
export { type AppendOutcome, type Ending, JobAttempt, type Renewal, type Step, trainedWeightsFile } from './jobAttempt.ts';
export type { JobFilter, ListOptions } from './jobList.ts';
export { createJobServices, type JobServices } from './jobServices.ts';
export { JobStore, type NewJob } from './jobStore.ts';
export { EventLoopThrottle, givingWay } from './pacing.ts';
export { type PendingUpload, PendingUploads } from './pendingUploads.ts';
export { KeyQuotas, KeyWeights, limitsWithin, noQuotas, type Quotas, RateLimiter, type Turn, type Usage } from './quotas.ts';
export { type Begun, type Origin, verifyLabel, type Webhook } from './record.ts';
export { answeredSoon, closeRedis, connectRedis, type RedisRole } from './redis/connection.ts';
export { type Connections, openConnections } from './redis/connections.ts';
export { type RedisKeys, redisKeys, servicePrefix } from './redis/keys.ts';
export type { RedisKind, RunningRedis } from './redis/privateRedis.ts';
export { requireUsableRedis } from './redis/redisAtStart.ts';
export {
  isRedisUnavailable,
  type RedisFailure,
  type RedisFailureKind,
  RedisUnavailableError,
  redisFailureOf,
} from './redis/redisFailure.ts';
export { type HealthLog, RedisHealth, type RedisHealthOptions } from './redis/redisHealth.ts';
export { probeCommands, probeRedis, type RedisFindings } from './redis/redisProbe.ts';
export { parseRedisUrl, RedisUrlError } from './redis/redisUrl.ts';
export { findOnPath, redisPrograms, type StartRedisOptions, startRedis } from './redis/startRedis.ts';
export { createPrepared, ReservedFiles } from './reservedFiles.ts';
export { Retention, type RetentionLimits } from './retention.ts';
export { DatasetDigests, dataDigestOf, reuseKeyOf } from './reuse.ts';
export { ServiceTotals, type Totals } from './serviceTotals.ts';
export { type ActionRequest, ActionRequests, type ActionRequestsOptions, Subscription, actionRequestOf } from './actionRequests.ts';
export { attemptOfCheckpoint, checkpointName, isCheckpointName, type Successor, Successors, type SuccessorsOptions } from './successors.ts';
export { changesBetween, placeInSpace, planTrials, type TrialValues, valuesBytes, withChanges, withValues } from './sweeps/space.ts';
export { type PlannedTrial, type SweepPlan, trialText } from './sweeps/sweepPlan.ts';
export { type RankedTrial, SweepRunner, SweepStateError } from './sweeps/sweepRunner.ts';
export { type SweepRecord, SweepStore, sweepSummary } from './sweeps/sweepStore.ts';
export { contextOf, currentTraceparent, inQueueSpan, openTelemetry, traceFields, traceparentOf, tracer } from './telemetry.ts';
export { leaseMs, queueStates, TrainQueue, trainQueueName, trainWorkerOptions, type WakeUp } from './trainQueue.ts';
export {
  announceEveryMs,
  type DueWebhook,
  NoWebhookError,
  type WebhookDelivery,
  WebhookStore,
  webhookAttempts,
  webhookQueueName,
} from './webhooks.ts';
export { changedSafetensors, WeightsStore } from './weightsStore.ts';
export { type PresentWorker, WorkerPresence } from './workerPresence.ts';
