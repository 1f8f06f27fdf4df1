// Limits the rate of a caller by the generic cell rate algorithm (ITU-T I.371). It stores one time per caller. Used turns become free one
// by one, and not all at the end of a window.
import type { Script } from './script.ts';

/**
 * Uses the clock of Redis, so that all API processes have the same time.
 * - KEYS: the caller's state.
 * - ARGV: turns per minute.
 * - Replies: `taken`; `refused`, time until the next free turn (ms).
 */
export const takeTurn: Script = {
  name: 'trainyardTakeTurn',
  lua: `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local turn = 60000 / ARGV[1]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + turn
if full - now > 60000 then return {'refused', math.ceil(full - now - 60000)} end
redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now))
return {'taken'}
`,
};
