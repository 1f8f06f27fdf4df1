// Redis and files behind small interfaces: the records of jobs, their queue, their events, their cancellation, their
// artifacts, and how a process finds its Redis and its environment. No HTTP and no training.

export type { ArtifactPlace, ArtifactStat, ArtifactStore, ByteRange } from './artifacts/artifactStore.ts';
export { dataDigestOf, DatasetDigests } from './datasetDigests.ts';
export { type PendingUpload, PendingUploads } from './pendingUploads.ts';
export { type DatasetRecord, DatasetStore, type NewDataset } from './datasetStore.ts';
export { FolderArtifactStore } from './artifacts/folderArtifactStore.ts';
export { openArtifacts } from './artifacts/openArtifacts.ts';
export { fetchArtifact, readArtifact } from './artifacts/readArtifact.ts';
export { unlessAborted } from './artifacts/abandon.ts';
export * from './artifacts/snapshots.ts';
export { diskErrorOf, inStorage, isStorageAway, storageErrorOf, systemCodeOf } from './artifacts/storageErrors.ts';
export * from './checkpointName.ts';
export { createPrepared } from './createPrepared.ts';
export { createWith, initialWeightsOf, type WeightSources } from './initialWeights.ts';
export * from './environment/apiKey.ts';
export type { Begun, Origin, Webhook } from './record.ts';
export { type HomeLock, lockHome } from './environment/homeLock.ts';
export { requireWritableFolders } from './environment/writableFolders.ts';
export { ApiKeys, watchKeyFile } from './environment/apiKeys.ts';
export {
  type Environment,
  environmentDefaults,
  environmentVariables,
  isLoopback,
  logLevels,
  readEnvironment,
  requireKeysBeyondLoopback,
} from './environment/readEnvironment.ts';
export * from './errors.ts';
export { EventHub, type EventHubOptions, type FollowOptions } from './events/eventHub.ts';
export { EventBatch, type EncodedEvent } from './events/eventBatch.ts';
export {
  compareEventIds,
  type EpochMetricsPage,
  EventLog,
  type EventRange,
  hasEndedBy,
  type JobHead,
  type RangeOptions,
} from './events/eventLog.ts';
export type { Follower, FollowOutcome } from './events/follower.ts';
export { type StreamToken, StreamTokens, type TokenHolder } from './events/streamTokens.ts';
export { Turnstile } from './events/turnstile.ts';
export { type AppendOutcome, type Ending, JobAttempt, type Renewal, type Step, trainedWeightsFile } from './jobAttempt.ts';
export { type JobFilter, type ListOptions } from './jobList.ts';
export { JobStore, type NewJob } from './jobStore.ts';
export { type Claim, type ClaimedJob, attemptsWithoutProgressAllowed, type PreviousEnd } from './claim.ts';
export { machineMemoryBytes } from './environment/machineMemory.ts';
export { givingWay } from './givingWay.ts';
export { echoMs, type InterruptionSignal, interruptionSignals, onInterruption } from './interruption.ts';
export { onLauncherGone, type ReadyMessage, tellReady } from './launcher.ts';
export { KeyWeights } from './keyWeights.ts';
export { KeyQuotas, limitsWithin, noQuotas, type Quotas, type Usage } from './quotas.ts';
export { openTelemetry } from './telemetry/openTelemetry.ts';
export * from './telemetry/spans.ts';
export { RateLimiter, type Turn } from './rateLimiter.ts';
export { Reaper } from './reaper.ts';
export { Retention, type RetentionLimits } from './retention.ts';
export { Remains } from './remains.ts';
export { answeredSoon, closeRedis, connectRedis, type RedisRole } from './redis/connection.ts';
export { requireUsableRedis } from './redis/redisAtStart.ts';
export {
  isRedisUnavailable,
  type RedisFailure,
  type RedisFailureKind,
  redisFailureOf,
  RedisUnavailableError,
} from './redis/redisFailure.ts';
export { type HealthLog, RedisHealth, type RedisHealthOptions } from './redis/redisHealth.ts';
export { probeCommands, probeRedis, type RedisFindings } from './redis/redisProbe.ts';
export { parseRedisUrl, RedisUrlError } from './redis/redisUrl.ts';
export { findOnPath } from './redis/findOnPath.ts';
export { type RedisKeys, redisKeys, servicePrefix } from './redis/keys.ts';
export { type RedisKind, type RunningRedis, redisPrograms, type StartRedisOptions, startRedis } from './redis/startRedis.ts';
export { reuseKeyOf } from './reuse.ts';
export { type Successor, Successors, type SuccessorsOptions } from './successors.ts';
export * from './trainQueue.ts';
export { ServiceTotals, type Totals } from './serviceTotals.ts';
export { Subscription } from './events/subscription.ts';
export { placeInSpace, planTrials, type TrialValues, valuesBytes, withValues } from './sweeps/space.ts';
export { changesBetween, withChanges } from './sweeps/specChanges.ts';
export { trialText } from './sweeps/sweepFields.ts';
export { type RankedTrial, SweepRunner, SweepStateError } from './sweeps/sweepRunner.ts';
export { type PlannedTrial, type SweepPlan, type SweepRecord, SweepStore, sweepSummary } from './sweeps/sweepStore.ts';
export * from './webhooks/webhookStore.ts';
export { WeightsStore } from './weightsStore.ts';
export * from './wishBus.ts';
export { type PresentWorker, WorkerPresence } from './workerPresence.ts';
