-- Buckets, and shares of them at an edge: the beginning of each script that names it in its first line. It has `now`, in
-- Unix microseconds, by this server's clock.
--
-- A bucket is kept as what is missing from it, in parts: a token has 60,000,000 of them, so that a bucket of n tokens
-- a minute gets exactly n parts back each microsecond. All numbers are integers below 2^53, exact in Lua's doubles.
-- What is missing beyond the capacity, a debt, is kept behind it: so a limit that is lowered is none.
--
-- Beside it stands what edges hold of its tokens, and until when (<key>:lent, of the same hash tag). That stays missing:
-- so all that can be taken at a moment, here and there, is never more than the capacity.
local PARTS = 60000000
local MILLI = PARTS / 1000
local MINUTE = 60000000
local KEPT_WHEN_FULL_MS = 60000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function read(key, rate, capacity)
    local missing, at = 0, now
    local state, held = unpack(redis.call('MGET', key, key .. ':lent'))
    if state then
        local kept_missing, kept_at, debt = string.match(state, '^(%d+) (%d+) ?(%d*)$')
        missing, at = math.min(tonumber(kept_missing), capacity), tonumber(kept_at)
        missing = missing + math.min(tonumber(debt) or 0, capacity)
    end
    -- A clock that stepped back gives nothing back, and takes nothing.
    missing = math.max(0, missing - math.max(0, now - at) * rate)
    if held then
        local parts, ends = string.match(held, '^(%d+) (%d+)$')
        if now < tonumber(ends) then missing = math.max(missing, math.min(tonumber(parts), capacity)) end
    end
    return {key = key, rate = rate, capacity = capacity, missing = missing, clock_stepped_back = now < at}
end

local function full_after(bucket) return math.ceil(bucket.missing / bucket.rate) end

local function write(bucket)
    local debt, kept_ms = bucket.missing - bucket.capacity, math.ceil(full_after(bucket) / 1000) + KEPT_WHEN_FULL_MS
    local state = string.format('%.0f %.0f', math.min(bucket.missing, bucket.capacity), now)
    if debt > 0 then state = state .. string.format(' %.0f', debt) end
    redis.call('SET', bucket.key, state, 'PX', kept_ms)
end

-- A share is a hash at an edge: `id`; in thousandths of a token, as totals that only grow, what was `lent`, `returned` and
-- `spent`; for how long it is lent (`at`, `until`); what was `left` at the core; the last `rate`, in thousandths of a token
-- a minute; and `cut` tokens, in parts, that were left at `cut_at` of those that it makes at that rate when it is cut off.
local function totals_of(key)
    local kept = redis.call('HMGET', key, 'lent', 'returned', 'spent', 'at', 'until')
    for place = 1, 5 do kept[place] = tonumber(kept[place] or 0) end
    local lent, returned, spent, at, ends = unpack(kept)
    local share = {key = key, lent = lent, returned = returned, spent = spent}
    -- A clock that stepped back ends it, too: nobody knows how long it was lent.
    share.is_cut, share.ended_at = now > ends or now < at, math.min(ends, now)
    if share.is_cut and lent - returned - spent > 0 then
        share.returned = lent - spent
        redis.call('HSET', key, 'returned', share.returned)
    end
    share.unspent = share.lent - share.returned - share.spent
    return share
end

-- Never full at first: what it makes begins with nothing, and is a minute's worth at most.
local function made_since(share, rate)
    local kept = redis.call('HMGET', share.key, 'rate', 'cut', 'cut_at')
    local own = math.min(tonumber(kept[1] or 0), rate * 1000)
    local elapsed = math.min(MINUTE, math.max(0, now - tonumber(kept[3] or share.ended_at)))
    return math.min(own * MILLI, tonumber(kept[2] or 0) + math.floor(own * elapsed / 1000))
end

local function read_share(key, rate, capacity)
    local share = totals_of(key)
    local left = tonumber(redis.call('HGET', key, 'left') or 0) * MILLI
    share.have = share.unspent * MILLI
    if share.is_cut then share.have = share.have + made_since(share, rate) end
    share.rate, share.capacity, share.taken = rate, capacity, 0
    share.missing = math.max(0, capacity - share.have - left)
    return share
end

local function write_share(share)
    if share.taken == 0 then return end
    if share.is_cut then
        redis.call('HSET', share.key, 'cut', string.format('%.0f', share.have - share.unspent * MILLI),
                   'cut_at', string.format('%.0f', now))
    else
        redis.call('HINCRBY', share.key, 'spent', string.format('%.0f', math.ceil(share.taken / MILLI)))
    end
end
