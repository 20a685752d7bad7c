-- Add a process's counts to the shared hash, once: the same call again, after a lost answer, changes nothing.
--
-- KEYS  the shared hash; the mark of this call (same hash tag)
-- ARGV  field, number, field, number …
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', 3600) then return 0 end
for i = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
