// The redeliver action: a job's webhook is to be sent anew, whatever became of it. A delivery that is under way for an earlier round
// is the last of that round.
import type { Script } from './script.ts';

/**
 * KEYS: record, ended, gone. ARGV: job id, state (JSON), final statuses ….
 * Answers missing, none (no webhook), refused and the status, or accepted.
 */
export const redeliverWebhook: Script = {
  name: 'trainyardRedeliverWebhook',
  lua: `
local record = redis.call('HMGET', KEYS[1], 'status', 'webhook')
if not record[1] then return {'missing'} end
if not record[2] then return {'none'} end
local final = false
for i = 3, #ARGV do final = final or record[1] == ARGV[i] end
if not final then return {'refused', record[1]} end
redis.call('HINCRBY', KEYS[1], 'webhookRound', 1)
redis.call('HSET', KEYS[1], 'webhookState', ARGV[2])
redis.call('DEL', KEYS[3])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1] * 1000, ARGV[1])
redis.call('PUBLISH', KEYS[2], ARGV[1])
return {'accepted'}
`,
};
