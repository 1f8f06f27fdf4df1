-- Adds a job that is being created to the users of uploaded weights.
-- include: uploads
if redis.call('EXISTS', weights) == 0 then return {'missing'} end
addUser(users, jobId)
return {'noted'}
