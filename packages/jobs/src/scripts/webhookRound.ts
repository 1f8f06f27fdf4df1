// Records the state of one round of a webhook's deliveries, unless a later round has begun.
import type { Script } from './script.ts';

/**
 * Removes the job from the ended jobs whose webhook is not queued yet.
 * - KEYS: record, ended.
 * - ARGV: job id, round.
 * - Replies: `taken`; `stale` if a later round has begun.
 */
export const takeEnded: Script = {
  name: 'trainyardTakeEnded',
  lua: `
if (redis.call('HGET', KEYS[1], 'webhookRound') or '0') ~= ARGV[2] then return {'stale'} end
redis.call('ZREM', KEYS[2], ARGV[1])
return {'taken'}
`,
};

/**
 * - KEYS: record.
 * - ARGV: round, state of the webhook (JSON).
 * - Replies: `written`; `stale` if a later round has begun or the job was deleted.
 */
export const writeWebhookState: Script = {
  name: 'trainyardWriteWebhookState',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'stale'} end
if (redis.call('HGET', KEYS[1], 'webhookRound') or '0') ~= ARGV[1] then return {'stale'} end
redis.call('HSET', KEYS[1], 'webhookState', ARGV[2])
return {'written'}
`,
};
