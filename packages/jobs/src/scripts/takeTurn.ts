// A caller's next turn, by the generic cell rate algorithm (ITU-T I.371): one number a caller, the time at which it would
// have used up all it may, so that turns come back one by one and not all at the end of a window.
import type { Script } from './script.ts';

/**
 * KEYS: the caller's state. ARGV: turns a minute. Answers taken, or refused and in how many ms the next turn is free.
 * The time is Redis's, so that all API processes go by one clock.
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
