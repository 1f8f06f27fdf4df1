-- Sets a field of a sweep's record that is not set yet.
if redis.call('EXISTS', sweep) == 0 then return {'missing'} end
return {redis.call('HSETNX', sweep, field, value) == 1 and 'set' or 'before'}
