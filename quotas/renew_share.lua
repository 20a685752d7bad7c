-- Begins with bucket.lua.
-- At an edge: take over what the core has lent. Totals only grow, so an answer that comes late changes nothing.
--
-- KEYS     the share
-- ARGV     its name, as it was told; what was lent in all, in thousandths of a token; for how many microseconds from now;
--          what is left at the core, in thousandths; the rate to go on by without the core, in thousandths a minute, or ''
--          to leave it as it is; for how many milliseconds the share lives without a word of the core
-- returns  1 if it is the same share still
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
local share = totals_of(KEYS[1])  -- what had ended by now stays given back
redis.call('HSET', KEYS[1], 'lent', string.format('%.0f', math.max(share.lent, ARGV[2])))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if tonumber(ARGV[3]) <= 0 then return 1 end  -- too late: it is void again at once
local before = share.is_cut and 0 or tonumber(redis.call('HGET', KEYS[1], 'until'))
redis.call('HSET', KEYS[1], 'at', string.format('%.0f', now),
           'until', string.format('%.0f', math.max(before, now + ARGV[3])), 'left', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'rate', ARGV[5]) end
redis.call('HDEL', KEYS[1], 'cut', 'cut_at')
return 1
