-- Begins with bucket.lua.
-- Take tokens for requests that wait at the same moment: for each from every bucket of its hierarchy, or from none.
--
-- KEYS     the buckets, one a level, hierarchy after hierarchy; those of one with the hash tag of one organisation. After
--          each the one behind it, if it has one
-- ARGV     the cost of a request in thousandths of a token, then for each hierarchy: how many requests, how many levels,
--          and for each level: tokens a minute, capacity in tokens, that of the bucket behind it or 0, and 1 at an edge
--          if it is a share of the core's, else 0; then, for who settles and does not ask, what was paid and "settle":
--          the cost, which may be negative, is taken whatever is left, up to a debt of one capacity; with what was paid it
--          is no more than a bucket holds
-- returns  for each request, in a row: 1 if taken, 2 if taken of buckets behind others, else 0; the tightest level, from 1;
--          tokens left there; microseconds until the cost can be taken from every level, of what was taken behind until it
--          could have been; Unix microseconds at which the tightest level is full
--
-- A bucket behind another fills at the same rate. What is missing from it are tokens of the first that were given away
-- before they came: when it is full again, all of them have come.
local REFUSED, TAKEN, DEFERRED = 0, 1, 2

local cost = ARGV[1] * MILLI

local function wait_for_cost(bucket)
    local wait = math.ceil((cost - bucket.capacity + bucket.missing) / bucket.rate)
    if bucket.have == nil then return wait end
    return bucket.have >= cost and 0 or math.max(1, wait)  -- at the core there may be enough
end

local function pay(bucket, parts)
    bucket.missing = bucket.missing + parts
    if bucket.have then bucket.have, bucket.taken = bucket.have - parts, bucket.taken + parts end
end

local function take_from(bucket)
    pay(bucket, cost)
    bucket.was_taken_from = cost > 0
end

-- From each bucket that has enough, and from those behind the others.
local function take_behind(buckets)
    local told, longest_wait = nil, 0
    for level, bucket in ipairs(buckets) do
        local wait = wait_for_cost(bucket)
        if wait <= 0 then
            take_from(bucket)
        else
            take_from(bucket.behind)
            wait = math.max(wait, full_after(bucket.behind))
            if wait > longest_wait then told, longest_wait = level, wait end
        end
    end
    return DEFERRED, told, longest_wait
end

local function take(buckets)
    local refusing, longest_wait = nil, 0
    local tightest, fewest_left = nil, math.huge
    local is_kept_behind = true
    for level, bucket in ipairs(buckets) do
        local left, wait = bucket.capacity - bucket.missing, wait_for_cost(bucket)
        if wait > longest_wait then refusing, longest_wait = level, wait end
        if left < fewest_left then tightest, fewest_left = level, left end
        if wait > 0 and not (bucket.behind and wait_for_cost(bucket.behind) <= 0) then is_kept_behind = false end
    end
    if refusing ~= nil then
        if is_kept_behind then return take_behind(buckets) end
        return REFUSED, refusing, longest_wait
    end
    for _, bucket in ipairs(buckets) do take_from(bucket) end
    return TAKEN, tightest, longest_wait
end

local function settle(buckets)
    local paid = ARGV[#ARGV - 1] * MILLI
    local tightest, fewest_left = nil, math.huge
    for level, bucket in ipairs(buckets) do
        local owed = math.min(cost, bucket.capacity - paid)
        local most, least = 2 * bucket.capacity - bucket.missing, bucket.have and -bucket.capacity or -bucket.missing
        pay(bucket, math.max(least, math.min(owed, most)))
        bucket.was_taken_from = true
        local left = bucket.capacity - bucket.missing
        if left < fewest_left then tightest, fewest_left = level, left end
    end
    return TAKEN, tightest, 0
end

-- A refusal writes nothing, but for the time of a bucket from the future, which would never fill again.
local function keep(bucket)
    if bucket.have then
        write_share(bucket)
    elseif bucket.was_taken_from or bucket.clock_stepped_back then
        write(bucket)
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
        local capacity_behind, is_share = ARGV[arguments_read + 3] * PARTS, ARGV[arguments_read + 4] == '1'
        arguments_read, keys_read = arguments_read + 4, keys_read + 1
        buckets[level] = (is_share and read_share or read)(KEYS[keys_read], rate, capacity)
        if capacity_behind > 0 then
            keys_read = keys_read + 1
            buckets[level].behind = read(KEYS[keys_read], rate, capacity_behind)
        end
    end
    for _ = 1, requests do
        local taken, told, wait = way(buckets)
        local bucket = buckets[told]
        local left = math.max(0, math.floor((bucket.capacity - bucket.missing) / PARTS))
        for _, number in ipairs({taken, told, left, wait, now + full_after(bucket)}) do
            answers[#answers + 1] = number
        end
    end
    for _, bucket in ipairs(buckets) do
        keep(bucket)
        if bucket.behind then keep(bucket.behind) end
    end
end
return answers
