-- Returns the results of the function `used`. Redis cuts off the fraction of a number, so numbers that may be large or have a fraction are
-- sent as texts.
-- include: quota
local jobs, bytes, seconds, wait, redisBytes = used(owner)
return {jobs, string.format('%.0f', bytes), tostring(seconds), wait, string.format('%.0f', redisBytes)}
