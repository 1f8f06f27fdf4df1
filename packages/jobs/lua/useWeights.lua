-- Adds a job that is being created to the users of uploaded weights. Also removes the jobs in `checked` that have ended, so that the set of
-- users does not grow forever.
if redis.call('EXISTS', weights) == 0 then return {'missing'} end
for _, id in ipairs(checked) do
  if constants.isFinal[redis.call('HGET', keys.job(id), 'status')] then redis.call('SREM', users, id) end
end
redis.call('SADD', users, jobId)
return {'noted'}
