-- A worker takes a given job, or takes it over from a lost worker. Sending the same claim twice makes one attempt.
-- include: claim
return claim(jobId, previousAttempt, isCounted == '1')
