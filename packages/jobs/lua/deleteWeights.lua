-- Deletes uploaded weights, unless a job that has not ended was created with them. The same step schedules the removal of their file.
-- include: uploads
return deleteUpload(weights, weightsId, users, redis.call('SMEMBERS', users))
