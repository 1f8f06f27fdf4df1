-- Deletes uploaded weights, unless a job that has not ended was created with them. The same step schedules the removal of their file.
-- include: uploads
redis.call('UNLINK', formerUsers)
return deleteUpload(weights, weightsId, users)
