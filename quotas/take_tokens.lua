-- Take tokens for requests that wait at the same moment: for each from every bucket of its hierarchy, or from none.
--
-- KEYS     the buckets, one a level, hierarchy after hierarchy; those of one with the hash tag of one organisation
-- ARGV     the cost of a request in thousandths of a token, then for each hierarchy: how many requests, how many levels,
--          and for each level: tokens a minute, capacity in tokens; then, for who settles and does not ask, what was paid
--          and "settle": the cost, which may be negative, is taken whatever is left, up to a debt of one capacity; with
--          what was paid it is no more than a bucket holds
-- returns  for each request, in a row: 1 if taken else 0; the tightest level, from 1; tokens left there; microseconds
--          until the cost can be taken from every level; Unix microseconds at which the tightest level is full
--
-- A bucket is kept as what is missing from it, in parts: a token has 60,000,000 of them, so that a bucket of n tokens
-- a minute gets exactly n parts back each microsecond. All numbers are integers below 2^53, exact in Lua's doubles.
-- What is missing beyond the capacity, a debt, is kept behind it: so a limit that is lowered is none.
local PARTS = 60000000
local KEPT_WHEN_FULL_MS = 60000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = ARGV[1] * (PARTS / 1000)

local function read(key, rate, capacity)
    local missing, at = 0, now
    local state = redis.call('GET', key)
    if state then
        local kept_missing, kept_at, debt = string.match(state, '^(%d+) (%d+) ?(%d*)$')
        missing, at = math.min(tonumber(kept_missing), capacity), tonumber(kept_at)
        missing = missing + math.min(tonumber(debt) or 0, capacity)
    end
    -- A clock that stepped back gives nothing back, and takes nothing.
    missing = math.max(0, missing - math.max(0, now - at) * rate)
    return {key = key, rate = rate, capacity = capacity, missing = missing, clock_stepped_back = now < at}
end

local function take(buckets)
    local refusing, longest_wait = nil, 0
    local tightest, fewest_left = nil, math.huge
    for level, bucket in ipairs(buckets) do
        local left = bucket.capacity - bucket.missing
        local wait = math.ceil((cost - left) / bucket.rate)
        if wait > longest_wait then refusing, longest_wait = level, wait end
        if left < fewest_left then tightest, fewest_left = level, left end
    end
    if refusing == nil then
        for _, bucket in ipairs(buckets) do
            bucket.missing = bucket.missing + cost
            bucket.was_taken_from = cost > 0
        end
    end
    return refusing == nil, refusing or tightest, longest_wait
end

local function settle(buckets)
    local paid = ARGV[#ARGV - 1] * (PARTS / 1000)
    local tightest, fewest_left = nil, math.huge
    for level, bucket in ipairs(buckets) do
        local owed = math.min(cost, bucket.capacity - paid)
        bucket.missing = math.max(0, math.min(bucket.missing + owed, 2 * bucket.capacity))
        bucket.was_taken_from = true
        local left = bucket.capacity - bucket.missing
        if left < fewest_left then tightest, fewest_left = level, left end
    end
    return true, tightest, 0
end

local function full_after(bucket) return math.ceil(bucket.missing / bucket.rate) end

-- A refusal writes nothing, but for the time of a bucket from the future, which would never fill again.
local function write(bucket)
    if bucket.was_taken_from or bucket.clock_stepped_back then
        local debt, kept_ms = bucket.missing - bucket.capacity, math.ceil(full_after(bucket) / 1000) + KEPT_WHEN_FULL_MS
        local state = string.format('%.0f %.0f', math.min(bucket.missing, bucket.capacity), now)
        if debt > 0 then state = state .. string.format(' %.0f', debt) end
        redis.call('SET', bucket.key, state, 'PX', kept_ms)
    end
end

local way = ARGV[#ARGV] == 'settle' and settle or take
local answers = {}
local keys_read, arguments_read = 0, 1
while keys_read < #KEYS do
    local requests, levels = tonumber(ARGV[arguments_read + 1]), tonumber(ARGV[arguments_read + 2])
    arguments_read = arguments_read + 2
    local buckets = {}
    for level = 1, levels do
        local rate, capacity = tonumber(ARGV[arguments_read + 1]), ARGV[arguments_read + 2] * PARTS
        buckets[level] = read(KEYS[keys_read + level], rate, capacity)
        arguments_read = arguments_read + 2
    end
    keys_read = keys_read + levels
    for _ = 1, requests do
        local taken, told, wait = way(buckets)
        local bucket = buckets[told]
        local left = math.max(0, math.floor((bucket.capacity - bucket.missing) / PARTS))
        for _, number in ipairs({taken and 1 or 0, told, left, wait, now + full_after(bucket)}) do
            answers[#answers + 1] = number
        end
    end
    for _, bucket in ipairs(buckets) do write(bucket) end
end
return answers
