// Webhooks that wait for a place of their owner. The set of owners names exactly those that have such webhooks.
import type { Script } from './script.ts';

/** KEYS: parked webhooks of an owner, owners. ARGV: owner, id in the queue, when (ms) it was queued. */
export const parkWebhook: Script = {
  name: 'trainyardParkWebhook',
  lua: `
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
return {'parked'}
`,
};

/** KEYS: parked webhooks of an owner, owners. ARGV: owner. Takes the one that waits longest. Answers taken and its id, or none. */
export const takeParkedWebhook: Script = {
  name: 'trainyardTakeParkedWebhook',
  lua: `
local first = redis.call('ZPOPMIN', KEYS[1])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
if not first[1] then return {'none'} end
return {'taken', first[1]}
`,
};
