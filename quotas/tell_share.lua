-- Begins with bucket.lua.
-- At an edge: what the core is told of a share. Of what is unspent no more stays than is to be kept: the rest is given back
-- here first, and told then. One that there is not yet begins with nothing.
--
-- KEYS     the share
-- ARGV     the name of a new one; how much may stay unspent, in thousandths of a token; for how many milliseconds a share
--          lives without a word of the core
-- returns  its name, what was lent, returned and spent, in thousandths
redis.call('HSETNX', KEYS[1], 'id', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local share = totals_of(KEYS[1])
local surplus = share.unspent - ARGV[2]
if surplus > 0 then
    share.returned = share.returned + surplus
    redis.call('HSET', KEYS[1], 'returned', string.format('%.0f', share.returned))
end
return {redis.call('HGET', KEYS[1], 'id'), share.lent, share.returned, share.spent}
