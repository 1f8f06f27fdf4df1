-- Returns the job's status if this attempt is its current one and a worker has the job; else nil. Writes of an earlier attempt are refused.
local function statusOfCurrent(job, attempt)
  local record = redis.call('HMGET', job, 'status', 'attempt')
  local status = record[1]
  if record[2] == attempt and (status == 'running' or status == 'pausing' or status == 'cancelling') then return status end
  return nil
end
