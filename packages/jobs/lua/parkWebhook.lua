-- Parks a webhook until its owner may send more. An owner is in the set of owners exactly while it has parked webhooks.
redis.call('ZADD', parked, queuedMs, queueId)
redis.call('SADD', owners, owner)
return {'parked'}
