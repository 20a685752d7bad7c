-- Drop the hash set aside, if it still is the one with this id.
--
-- KEYS  the hash set aside
-- ARGV  its id
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
