// The table of all errors of Redis and of the network in front of it: what each means, and what an operator can do. It is used for 503
// responses, readiness, the waits of the worker, the checks at the start and the log.
import { JobsError } from '../errors.ts';

/** Why Redis cannot be used. The texts never contain a host, a path, a key or a secret. */
export interface RedisFailure {
  /** Stable, camelCase. */
  readonly kind: RedisFailureKind;
  /** What is wrong, as the end of a sentence that begins with "Redis". */
  readonly reason: string;
  /** What an operator can do, as a whole sentence. */
  readonly remedy: string;
  /** Whether only an operator can fix the failure. A program with such a failure exits at its start. */
  readonly isMisconfigured: boolean;
  /** The value of `$1` in the table, such as the name of a command; may be empty. */
  readonly detail: string;
  /** Whether the failure means only that there was no answer. Another failure at the same time is then more precise. */
  readonly isVague: boolean;
}

interface Row {
  /** Matches error messages of Redis 6.2 to 8, Valkey and ioredis. */
  readonly message?: RegExp;
  /** Codes of Node's network, DNS and TLS errors. */
  readonly codes?: RegExp;
  /** `$1` is replaced by the first group of `message`. */
  readonly reason: string;
  readonly remedy: string;
  readonly isMisconfigured?: boolean;
  readonly isVague?: boolean;
}

const grants = 'Give the user of REDIS_URL the permissions that the README lists under "Which Redis?".';

/** The rows in order of precedence: the first row that matches wins. */
const table = {
  loading: {
    message: /^LOADING\b/,
    reason: 'is loading its data from disk',
    remedy: 'Wait until its data is loaded.',
  },
  replica: {
    message: /^READONLY\b|^UNBLOCKED\b|-READONLY You/,
    reason: 'is a read-only replica',
    remedy: 'Set REDIS_URL to the primary, or to redis+sentinel://… if the primary may change.',
    isMisconfigured: true,
  },
  primaryLost: {
    message: /^MASTERDOWN\b/,
    reason: 'is a replica that has lost its primary',
    remedy: 'Set REDIS_URL to the primary, or to redis+sentinel://… if the primary may change.',
  },
  replicasMissing: {
    message: /^NOREPLICAS\b/,
    reason: 'refuses writes because too few replicas follow it',
    remedy: 'Start its replicas, or lower its min-replicas-to-write.',
  },
  outOfMemory: {
    message: /^OOM\b|-?OOM command not allowed/,
    reason: 'is full: it refuses writes because its maxmemory is used up',
    remedy: 'Raise its maxmemory (of the private Redis with TRAINYARD_REDIS_MEMORY_BYTES), or delete old jobs and sweeps.',
  },
  nearlyFull: {
    reason: 'is nearly full: it uses more than 90 % of its maxmemory',
    remedy: 'Raise its maxmemory (of the private Redis with TRAINYARD_REDIS_MEMORY_BYTES), or delete old jobs and sweeps.',
  },
  cannotSave: {
    message: /^MISCONF\b|-MISCONF /,
    reason: 'refuses writes because it cannot save its data to disk',
    remedy: 'Check its log: its disk may be full or read-only.',
  },
  busy: {
    message: /^(?:BUSY|UNKILLABLE)\b/,
    reason: 'is busy with a script',
    remedy: 'Wait for the end of the script, or end it with SCRIPT KILL.',
  },
  tooManyClients: {
    message: /^ERR max number of clients/,
    reason: 'has reached its maximum number of clients',
    remedy: 'Raise its maxclients, or close other clients.',
  },
  passwordRefused: {
    message: /^WRONGPASS\b|^ERR (?:invalid password|invalid username-password pair|AUTH failed)/,
    reason: 'refuses the user name or the password',
    remedy: 'Set REDIS_URL to redis://user:password@host with the correct user name and password, percent-encoded.',
    isMisconfigured: true,
  },
  passwordMissing: {
    message: /^NOAUTH\b|^ERR operation not permitted|^ERR .*[Aa]uthentication required/,
    reason: 'requires a password',
    remedy: 'Set REDIS_URL to redis://:password@host or redis://user:password@host.',
    isMisconfigured: true,
  },
  protectedMode: {
    message: /^DENIED\b/,
    reason: 'runs in protected mode and refuses connections from other machines',
    remedy: 'Set a password in Redis, or turn off its protected-mode.',
    isMisconfigured: true,
  },
  keysForbidden: {
    message: /^NOPERM\b.*\bkeys?\b|can't access at least one of the keys/i,
    reason: 'does not let its user read and write the keys of the service',
    remedy: grants,
    isMisconfigured: true,
  },
  channelsForbidden: {
    message: /^NOPERM\b.*\bchannels?\b|can't publish to the channel/i,
    reason: 'does not let its user publish and subscribe to the channels of the service',
    remedy: grants,
    isMisconfigured: true,
  },
  commandForbidden: {
    message: /^NOPERM\b.*?'([a-z|]+)'|^NOPERM\b|The user executing the script can't run this command/i,
    reason: 'does not let its user run $1',
    remedy: grants,
    isMisconfigured: true,
  },
  commandMissing: {
    message: /^ERR (?:unknown|unsupported) (?:sub)?command\W*([\w|]+)|^ERR (?:Command is not available|command not supported)\W*(\w*)/i,
    reason: 'does not have $1',
    remedy: 'Use a Redis or Valkey in which no command is renamed or disabled, and no proxy that lacks commands.',
    isMisconfigured: true,
  },
  databaseMissing: {
    message: /DB index is out of range|invalid DB index/,
    reason: 'has no database with this number',
    remedy: 'End REDIS_URL with the number of an existing database, such as /0, or raise the setting "databases" of Redis.',
    isMisconfigured: true,
  },
  clusterNode: {
    message: /^(?:MOVED|ASK|CROSSSLOT)\b|SELECT is not allowed in cluster mode/,
    reason: 'is a node of a Redis Cluster that does not hold the keys of the service',
    remedy: 'Redis Cluster is not supported: set REDIS_URL to a Redis outside of a cluster, or to redis+sentinel://….',
    isMisconfigured: true,
  },
  clusterDown: {
    message: /^(?:CLUSTERDOWN|TRYAGAIN)\b/,
    reason: 'is a node of a Redis Cluster that is down',
    remedy: 'Set REDIS_URL to a Redis outside of a cluster, or to redis+sentinel://….',
  },
  tlsUntrusted: {
    codes: /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/,
    reason: 'has a TLS certificate that is not trusted',
    remedy: 'Add ?ca=FILE to REDIS_URL, or set NODE_EXTRA_CA_CERTS to the file of its CA; its host name must be in the certificate.',
    isMisconfigured: true,
  },
  tlsClientUnknown: {
    codes: /^ERR_SSL_\w*(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|UNKNOWN_CA|BAD_CERTIFICATE)/,
    reason: 'refuses TLS connections without a trusted client certificate',
    remedy: 'Add ?cert=FILE&key=FILE to REDIS_URL, or set its tls-auth-clients to no.',
    isMisconfigured: true,
  },
  tlsMissing: {
    codes: /^(?:ERR_SSL_|EPROTO$)/,
    reason: 'does not accept TLS on this port',
    remedy: 'Use redis:// instead of rediss:// in REDIS_URL, or the port for TLS.',
    isMisconfigured: true,
  },
  tlsWanted: {
    message: /^Unknown RESP type 21\b/,
    reason: 'accepts only TLS on this port',
    remedy: 'Use rediss:// instead of redis:// in REDIS_URL, or the port without TLS.',
    isMisconfigured: true,
  },
  notRedis: {
    message: /^Unknown RESP type|^(?:ERR )?Protocol error/,
    reason: 'is not at this address: another program answers there, such as an HTTP server',
    remedy: 'Set REDIS_URL to the host and port of Redis.',
    isMisconfigured: true,
  },
  tooOld: {
    reason: 'is older than version 6.2',
    remedy: 'Use Redis 6.2 or later, or Valkey.',
    isMisconfigured: true,
  },
  evictsJobs: {
    reason: 'would delete jobs when its memory is full: its maxmemory-policy is $1',
    remedy: 'Set its maxmemory-policy to noeviction, in its configuration or the parameters of the managed service.',
    isMisconfigured: true,
  },
  inconsistent: {
    reason: 'returns other data than was written to it',
    remedy: 'Set REDIS_URL to the primary, not to a proxy that reads from replicas.',
  },
  primaryUnknown: {
    message: /^All sentinels are unreachable|^ERR No such master/,
    reason: 'has no primary: the Sentinels name none',
    remedy: 'Check that the Sentinels in REDIS_URL run and know the name of the primary.',
  },
  hostUnknown: {
    codes: /^(?:ENOTFOUND|EAI_AGAIN)$/,
    reason: 'has a host name that cannot be resolved',
    remedy: 'Check the host in REDIS_URL.',
  },
  unreachable: {
    codes: /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EACCES|ENOENT|ENOTSOCK)$/,
    reason: 'does not answer',
    remedy: 'Check that Redis runs, and that REDIS_URL has its host and port.',
  },
  silent: {
    message:
      /^(?:Connection is closed|Stream isn't writeable|Command (?:timed out|aborted)|Socket timeout|connect ETIMEDOUT|Reached the max retries)/,
    codes: /^(?:ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED)$/,
    reason: 'does not answer',
    remedy: 'Check that Redis runs, and that REDIS_URL has its host and port.',
    isVague: true,
  },
} as const satisfies Record<string, Row>;

export type RedisFailureKind = keyof typeof table;

const rows = Object.entries(table) as [RedisFailureKind, Row][];

/** Returns the failure of this kind, with `detail` in place of `$1`. */
export function redisFailure(kind: RedisFailureKind, detail = ''): RedisFailure {
  const { reason, remedy, isMisconfigured = false, isVague = false }: Row = table[kind];
  return { kind, reason: reason.replace('$1', detail || 'a command that the service needs'), remedy, detail, isMisconfigured, isVague };
}

/** A check found that Redis cannot be used. */
export class RedisUnavailableError extends JobsError {
  readonly failure: RedisFailure;

  constructor(failure: RedisFailure, options?: ErrorOptions) {
    super('redisUnavailable', `Redis ${failure.reason}`, options);
    this.failure = failure;
  }
}

/** Returns the failure that an error means; null if the error is not about the state of Redis, for example a bug. */
export function redisFailureOf(error: unknown): RedisFailure | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof RedisUnavailableError) return error.failure;
  // Redis refused the transaction because of one of its commands; that command has the reason.
  if (error.message.startsWith('EXECABORT') && 'previousErrors' in error && Array.isArray(error.previousErrors)) {
    return redisFailureOf(error.previousErrors.find((previous) => previous !== error));
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  for (const [kind, { message, codes }] of rows) {
    const match = message?.exec(error.message);
    if (match)
      return redisFailure(
        kind,
        match
          .slice(1)
          .find((group) => group !== undefined)
          ?.toUpperCase(),
      );
    if (codes?.test(code)) return redisFailure(kind);
  }
  return null;
}

/** Whether an error means that Redis cannot be used now: respond with 503, or try again. False for bugs. */
export function isRedisUnavailable(error: unknown): boolean {
  return redisFailureOf(error) !== null;
}
