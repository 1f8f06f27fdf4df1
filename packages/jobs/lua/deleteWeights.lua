-- Deletes uploaded weights, unless a job that has not ended was created with them. The same step schedules the removal of their file.
-- include: uploads
-- Earlier versions stored the users in a set without times.
if redis.call('EXISTS', weights) == 1 then
  for _, jobId in ipairs(redis.call('SMEMBERS', formerUsers)) do redis.call('ZADD', users, 0, jobId) end
end
redis.call('UNLINK', formerUsers)
return deleteUpload(weights, weightsId, users)
