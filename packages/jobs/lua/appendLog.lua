-- Appends a line to the job's log, as an event.
-- include: events, fence
if not statusOfCurrent(job, attempt) then return {'stale'} end
return {'appended', appendLog(jobId, data)}
