-- Returns the number of missing wake-ups.
-- include: turns
return missingWakeUps()
