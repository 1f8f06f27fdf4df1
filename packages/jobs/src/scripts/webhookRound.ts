// What is written about one round of a webhook's deliveries counts only while no later round has begun.
import type { Script } from './script.ts';

/** KEYS: record, ended. ARGV: job id, round. Takes the job off the list of those whose end is yet to be told; answers taken or stale. */
export const takeEnded: Script = {
  name: 'trainyardTakeEnded',
  lua: `
if (redis.call('HGET', KEYS[1], 'webhookRound') or '0') ~= ARGV[2] then return {'stale'} end
redis.call('ZREM', KEYS[2], ARGV[1])
return {'taken'}
`,
};

/** KEYS: record. ARGV: round, state (JSON). Answers written or stale; a job that was deleted meanwhile stays so. */
export const writeWebhookState: Script = {
  name: 'trainyardWriteWebhookState',
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'stale'} end
if (redis.call('HGET', KEYS[1], 'webhookRound') or '0') ~= ARGV[1] then return {'stale'} end
redis.call('HSET', KEYS[1], 'webhookState', ARGV[2])
return {'written'}
`,
};
