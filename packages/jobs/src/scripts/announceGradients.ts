// Appends an event when the gradients of an epoch are stored: once per epoch and in order, also if a later attempt trains it again.
import { appendFragment, fenceFragment } from './fragments.ts';
import type { Script } from './script.ts';

/**
 * - KEYS: record, events.
 * - ARGV: attempt number, job id, event channel, epochs … in ascending order.
 * - Replies: `announced`, number of new epochs; `stale`.
 */
export const announceGradients: Script = {
  name: 'trainyardAnnounceGradients',
  lua: `${appendFragment}${fenceFragment}
local last = tonumber(redis.call('HGET', KEYS[1], 'lastGradients') or '0')
local count = 0
for i = 4, #ARGV do
  local epoch = tonumber(ARGV[i])
  if epoch > last then
    append(KEYS[2], ARGV[3], ARGV[2], 'gradients', '{"jobId":"' .. ARGV[2] .. '","epoch":' .. ARGV[i] .. '}')
    last, count = epoch, count + 1
  end
end
if count > 0 then redis.call('HSET', KEYS[1], 'lastGradients', tostring(last)) end
return {'announced', count}
`,
};
