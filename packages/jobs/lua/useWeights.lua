-- Notes that a job is being created with uploaded weights. Each call also removes from the notes those of the jobs in `checked` that have ended,
-- so that the notes do not grow forever.
if redis.call('EXISTS', weights) == 0 then return {'missing'} end
for _, id in ipairs(checked) do
  if constants.isFinal[redis.call('HGET', keys.job(id), 'status')] then redis.call('SREM', users, id) end
end
redis.call('SADD', users, jobId)
return {'noted'}
