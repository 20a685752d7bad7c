-- Begins with bucket.lua.
-- At the core: lend an edge tokens of buckets, and take back what it returns. Tokens move, and none is made: what is lent is
-- missing from the bucket as if it had been taken, and comes back into it only when it is returned.
--
-- KEYS     the bucket, what is held of it (<key>:lent), and its loans: a hash of "lent returned spent heard"
-- ARGV     the name of the edge's share; for how many microseconds what a silent edge holds counts; which part of what is
--          left is lent beyond need (1/n); tokens a minute; capacity in tokens; and, in thousandths of a token, what the
--          edge knows to be lent, has returned and spent, wants to have been lent, and needs at least
-- returns  in thousandths, what was lent in all, and what is left
local generation, kept_us, part = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Of the others; what is old is forgotten, and comes back by itself: its edge has ended it before.
local function held_by_others(key)
    local held, own = 0, nil
    local loans = redis.call('HGETALL', key)
    for place = 1, #loans, 2 do
        local lent, returned, spent, heard = string.match(loans[place + 1], '^(%d+) (%d+) (%d+) (%d+)$')
        if math.abs(now - heard) > kept_us then
            redis.call('HDEL', key, loans[place])
        elseif loans[place] == generation then
            own = {lent = tonumber(lent), returned = tonumber(returned), spent = tonumber(spent)}
        else
            held = held + math.max(0, lent - returned - spent)
        end
    end
    return held, own
end

-- Totals only grow: what comes twice, late or in another order changes nothing.
local function settle(loan, ask)
    loan.spent = math.max(loan.spent, ask.spent)
    local returned = math.max(loan.returned, math.min(ask.returned, loan.lent - loan.spent))
    local came_back = returned - loan.returned
    loan.returned = returned
    -- What it has spent beyond that is a debt of the bucket's.
    local owed = math.max(0, loan.spent + loan.returned - loan.lent)
    loan.lent = loan.lent + owed
    return came_back - owed
end

local function more(loan, ask, room)
    local wanted, needed = ask.wanted - loan.lent, ask.needed - loan.lent
    if wanted <= 0 or room <= 0 or needed > room then return 0 end
    return math.min(wanted, math.max(needed, math.floor(room / part)))
end

local rate, capacity = tonumber(ARGV[4]), ARGV[5] * PARTS
local ask = {returned = tonumber(ARGV[7]), spent = tonumber(ARGV[8]), wanted = tonumber(ARGV[9]), needed = tonumber(ARGV[10])}
local held, loan = held_by_others(KEYS[3])
local bucket = read(KEYS[1], rate, capacity)
loan = loan or {lent = tonumber(ARGV[6]), returned = ask.returned, spent = ask.spent}
bucket.missing = bucket.missing - settle(loan, ask) * MILLI
bucket.missing = math.max(0, math.min(bucket.missing, 2 * capacity))
local new = more(loan, ask, math.floor((capacity - bucket.missing) / MILLI))
loan.lent, bucket.missing = loan.lent + new, bucket.missing + new * MILLI
held = held + math.max(0, loan.lent - loan.returned - loan.spent)
write(bucket)
local kept_ms = math.ceil(kept_us / 1000)
redis.call('HSET', KEYS[3], generation, string.format('%.0f %.0f %.0f %.0f', loan.lent, loan.returned, loan.spent, now))
redis.call('PEXPIRE', KEYS[3], kept_ms)
redis.call('SET', KEYS[2], string.format('%.0f %.0f', held * MILLI, now + kept_us), 'PX', kept_ms)
return {loan.lent, math.max(0, math.floor((capacity - bucket.missing) / MILLI))}
