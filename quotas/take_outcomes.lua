-- Set the shared hash aside under an id, and return it. What was set aside and not yet dropped comes again.
--
-- KEYS  the shared hash; the hash set aside (same hash tag)
-- ARGV  an id for it, in case it is set aside now
if redis.call('EXISTS', KEYS[2]) == 0 then
    if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
    redis.call('RENAME', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], 'id', ARGV[1])
end
return redis.call('HGETALL', KEYS[2])
