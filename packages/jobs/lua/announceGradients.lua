-- Appends an event for each of the `epochs`, whose gradients are stored. `epochs` are in ascending order. An epoch that a later attempt
-- trains again gets no second event.
-- include: events, fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
local last = tonumber(redis.call('HGET', job, 'lastGradients') or '0')
local count = 0
for _, epoch in ipairs(epochs) do
  if tonumber(epoch) > last then
    append(jobId, 'gradients', '{"jobId":"' .. jobId .. '","epoch":' .. epoch .. '}')
    last, count = tonumber(epoch), count + 1
  end
end
if count > 0 then redis.call('HSET', job, 'lastGradients', tostring(last)) end
return {'announced', count}
