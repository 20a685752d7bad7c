-- Take tokens from every bucket, or from none.
--
-- KEYS     one bucket a level, all with the hash tag of one organisation
-- ARGV     the cost in tokens, then for each level: tokens a minute, capacity in tokens
-- returns  1 if taken else 0; the tightest level, from 1; tokens left there; microseconds until the cost can be
--          taken from every level; Unix microseconds at which the tightest level is full
--
-- A bucket is kept as what is missing from it, in parts: a token has 60,000,000 of them, so that a bucket of n tokens
-- a minute gets exactly n parts back each microsecond. All numbers are integers below 2^53, exact in Lua's doubles.
local PARTS = 60000000
local KEPT_WHEN_FULL_MS = 60000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost = ARGV[1] * PARTS

local buckets = {}
local refusing, longest_wait = nil, 0
local tightest, fewest_left = nil, math.huge

for level, key in ipairs(KEYS) do
    local rate = tonumber(ARGV[2 * level])
    local capacity = ARGV[2 * level + 1] * PARTS
    local missing, at = 0, now
    local state = redis.call('GET', key)
    if state then
        local kept_missing, kept_at = string.match(state, '^(%d+) (%d+)$')
        missing, at = math.min(tonumber(kept_missing), capacity), tonumber(kept_at)
    end
    -- A clock that stepped back gives nothing back, and takes nothing.
    missing = math.max(0, missing - math.max(0, now - at) * rate)
    local left = capacity - missing
    local wait = math.ceil((cost - left) / rate)
    if wait > longest_wait then refusing, longest_wait = level, wait end
    if left < fewest_left then tightest, fewest_left = level, left end
    buckets[level] = {key = key, rate = rate, capacity = capacity, missing = missing, clock_stepped_back = now < at}
end

local taken = refusing == nil
for _, bucket in ipairs(buckets) do
    if taken then bucket.missing = bucket.missing + cost end
    bucket.full_after = math.ceil(bucket.missing / bucket.rate)
    -- A refusal writes nothing, but for the time of a bucket from the future, which would never fill again.
    if (taken and cost > 0) or bucket.clock_stepped_back then
        local state = string.format('%.0f %.0f', bucket.missing, now)
        redis.call('SET', bucket.key, state, 'PX', math.ceil(bucket.full_after / 1000) + KEPT_WHEN_FULL_MS)
    end
end

local told = buckets[refusing or tightest]
local left = math.floor((told.capacity - told.missing) / PARTS)
return {taken and 1 or 0, refusing or tightest, left, longest_wait, now + told.full_after}
