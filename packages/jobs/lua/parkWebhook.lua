-- Parks a webhook until its owner may send more. The set of owners contains exactly the owners that have parked webhooks.
redis.call('ZADD', parked, queuedMs, queueId)
redis.call('SADD', owners, owner)
return {'parked'}
