-- The stored bytes and the Redis memory of an owner (the hash `keys.usage`). The scripts that change what an owner stores also change its
-- usage in the same step, so that both always agree. The number of jobs that have not ended comes from the lists.

local function setBytes(usage, record, field, bytes)
  local before = redis.call('HGET', record, field) or '0'
  redis.call('HSET', record, field, string.format('%.0f', bytes))
  redis.call('HINCRBY', usage, field, string.format('%.0f', bytes - before))
end

local function subtractBytes(usage, record, field)
  local bytes = redis.call('HGET', record, field)
  if bytes and bytes ~= '0' then redis.call('HINCRBY', usage, field, '-' .. bytes) end
end

-- Sets the stored bytes of a record, and changes the usage by the difference.
local function setStored(usage, record, bytes) setBytes(usage, record, 'storedBytes', bytes) end

-- Subtracts the stored bytes of a record from the usage. Call it before the record is deleted.
local function subtractStored(usage, record) subtractBytes(usage, record, 'storedBytes') end

-- Sets the estimated Redis memory of a job or a sweep in its record, and changes the usage by the difference.
local function setMemory(usage, record, bytes) setBytes(usage, record, 'redisBytes', bytes) end

-- Subtracts the estimated Redis memory of a job or a sweep from the usage. Call it before the record is deleted.
local function subtractMemory(usage, record) subtractBytes(usage, record, 'redisBytes') end

-- Sets the bytes of one file in `files` (the hash `keys.files` of a job), and changes the usage by the difference. 0 removes the file. The
-- job's spec and events are entries too.
local function setFile(usage, files, name, bytes)
  local before = redis.call('HGET', files, name) or '0'
  if tonumber(bytes) > 0 then redis.call('HSET', files, name, string.format('%.0f', bytes)) else redis.call('HDEL', files, name) end
  redis.call('HINCRBY', usage, 'storedBytes', string.format('%.0f', bytes - before))
end

-- Subtracts the bytes of all files of a job from the usage, and deletes the hash `files`.
local function removeFiles(usage, files)
  local all = 0
  for _, bytes in ipairs(redis.call('HVALS', files)) do all = all + bytes end
  if all > 0 then redis.call('HINCRBY', usage, 'storedBytes', string.format('-%.0f', all)) end
  redis.call('UNLINK', files)
end
