-- Changes the record of an upload that is being read.
if redis.call('HGET', upload, 'status') ~= 'processing' then return {'missing'} end
redis.call('HSET', upload, unpack(fields))
redis.call('PEXPIRE', upload, keptMs)
return {'updated'}
