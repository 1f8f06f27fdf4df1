-- Replies the values of `used`. Numbers that may have a fraction or be large are texts.
-- include: quota
local jobs, bytes, seconds, wait, redisBytes = used(owner)
return {jobs, string.format('%.0f', bytes), tostring(seconds), wait, string.format('%.0f', redisBytes)}
