// The redeliver action: sends a job's webhook again, whatever its state. It begins a new round. A running delivery of an earlier round is
// the last of its round.
import type { Script } from './script.ts';

/**
 * - KEYS: record, ended, the note that the address is gone.
 * - ARGV: job id, state of the webhook (JSON), final statuses ….
 * - Replies: `missing`; `none` if the job has no webhook; `refused`, current status: the job has not ended; `accepted`.
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
