// Parked webhooks wait until their owner may send more. An owner is in the set of owners exactly while it has parked webhooks.
import type { Script } from './script.ts';

/**
 * - KEYS: parked webhooks of the owner, owners.
 * - ARGV: owner, id in the queue, when it was queued (ms).
 * - Replies: `parked`.
 */
export const parkWebhook: Script = {
  name: 'trainyardParkWebhook',
  lua: `
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
return {'parked'}
`,
};

/**
 * Removes the webhook that has waited longest.
 * - KEYS: parked webhooks of the owner, owners.
 * - ARGV: owner.
 * - Replies: `taken`, id in the queue; `none`.
 */
export const takeParkedWebhook: Script = {
  name: 'trainyardTakeParkedWebhook',
  lua: `
local first = redis.call('ZPOPMIN', KEYS[1])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
if not first[1] then return {'none'} end
return {'taken', first[1]}
`,
};
