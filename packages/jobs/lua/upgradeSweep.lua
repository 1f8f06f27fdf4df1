-- Rewrites the record of a sweep of version 0.1.0, which holds a whole spec for each trial. Version 0.1.0 did not count the record's bytes
-- for the owner's storage, and this script does not count them either.
if redis.call('HEXISTS', sweep, 'plan') == 0 then return {'before'} end
redis.call('HDEL', sweep, 'plan', 'trials')
redis.call('HSET', sweep, unpack(record))
redis.call('HSET', trials, unpack(trialFields))
return {'upgraded'}
