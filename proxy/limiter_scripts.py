"""The Lua scripts with which limits are counted in Redis: each is one atomic step, by Redis' own clock.

Keys of a scope: a hash of requests by second, one of tokens by second, a sorted set of leases by when they lapse,
a hash of what each lease reserves (`tokens:cost`) with the sums in `#tokens` and `#cost`, then one hash for each
budget: `spent`, and `seeded` once it was filled from the database. Amounts travel as texts: Lua's numbers lose the
last digits of amounts over nine million US dollars, which only comparisons may.
"""

from __future__ import annotations

LEASE_MS = 60_000
"""After which a lease that nobody renews lapses."""

_COMMON = f"""
local asked = cjson.decode(ARGV[1])
local told = redis.call('TIME')
local second = tonumber(told[1])
local now = second * 1000 + math.floor(tonumber(told[2]) / 1000)

local function window(key)
  local slots, used, gone = {{}}, 0, {{}}
  local all = redis.call('HGETALL', key)
  for place = 1, #all, 2 do
    local at, amount = tonumber(all[place]), tonumber(all[place + 1])
    if math.abs(second - at) > 60 then
      gone[#gone + 1] = all[place]
    else
      slots[#slots + 1] = {{at, amount}}
      used = used + amount
    end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
  table.sort(slots, function(one, other) return one[1] < other[1] end)
  return used, slots
end

local function wait(used, slots, most)
  for _, slot in ipairs(slots) do
    if used <= most then break end
    used = used - slot[2]
    if used <= most then return (slot[1] + 61) * 1000 - now end
  end
  return 0
end

local function count(key, amount)
  redis.call('HINCRBY', key, told[1], amount)
  redis.call('EXPIRE', key, 180)
end

local function move(key, field, sign, amount)
  if amount ~= '0' then redis.call('HINCRBY', key, field, sign .. amount) end
end

local function release(leases, reserved, id)
  redis.call('ZREM', leases, id)
  local held = redis.call('HGET', reserved, id)
  if not held then return end
  local tokens, cost = string.match(held, '^(%d+):(%d+)$')
  redis.call('HDEL', reserved, id)
  move(reserved, '#tokens', '-', tokens)
  move(reserved, '#cost', '-', cost)
end

local function lease(leases, reserved, id, tokens, cost)
  local fresh = redis.call('ZADD', leases, now + {LEASE_MS}, id) == 1
  if fresh then
    redis.call('HSET', reserved, id, tokens .. ':' .. cost)
    move(reserved, '#tokens', '', tokens)
    move(reserved, '#cost', '', cost)
  end
  redis.call('PEXPIRE', leases, {2 * LEASE_MS})
  redis.call('PEXPIRE', reserved, {2 * LEASE_MS})
  return fresh
end

local function reap(leases, reserved)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do release(leases, reserved, id) end
end
"""

ADMIT = (
    _COMMON
    + """
local function fits(used, reserved, amount, most)
  return used < most and (used + reserved + amount <= most or reserved == 0)
end

local tokens, cost = tonumber(asked.tokens), tonumber(asked.cost)
local states = {}
for place, scope in ipairs(asked.scopes) do
  local key = scope.key
  local state = {requests = 0, tokens = 0, budgets = {}}
  reap(KEYS[key + 2], KEYS[key + 3])
  if scope.rpm then state.requests, state.request_slots = window(KEYS[key]) end
  if scope.tpm then state.tokens, state.token_slots = window(KEYS[key + 1]) end
  local sums = redis.call('HMGET', KEYS[key + 3], '#tokens', '#cost')
  state.tokens_reserved, state.cost_reserved = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
  state.leases = redis.call('ZCARD', KEYS[key + 2])
  for number, budget in ipairs(scope.budgets) do
    local counter = KEYS[key + 3 + number]
    local known = redis.call('HGET', counter, 'spent')
    if not known then
      known = budget.known
      redis.call('HSET', counter, 'spent', known)
      if budget.ttl > 0 then redis.call('EXPIRE', counter, budget.ttl) end
    end
    state.budgets[number] = known
  end
  states[place] = state
end

local function refusal(kind, place, scope, state)
  local function refused(most, used, wait_ms, crowded, number)
    return {place = place, kind = kind, most = most, used = used, wait_ms = wait_ms, crowded = crowded, number = number}
  end
  if kind == 'budget' and cost > 0 then
    for number, budget in ipairs(scope.budgets) do
      local used, most = tonumber(state.budgets[number]), tonumber(budget.most)
      if not fits(used, state.cost_reserved, cost, most) then
        return refused(budget.most, state.budgets[number], 1000, fits(used, 0, cost, most), number)
      end
    end
  elseif kind == 'rpm' and scope.rpm and state.requests >= scope.rpm then
    return refused(scope.rpm, state.requests, wait(state.requests, state.request_slots, scope.rpm - 1), false)
  elseif kind == 'tpm' and scope.tpm and tokens > 0 then
    if not fits(state.tokens, state.tokens_reserved, tokens, scope.tpm) then
      local crowded = fits(state.tokens, 0, tokens, scope.tpm)
      local wait_ms = crowded and 1000 or wait(state.tokens, state.token_slots, scope.tpm - 1)
      return refused(scope.tpm, state.tokens, wait_ms, crowded)
    end
  elseif kind == 'parallel' and scope.parallel and state.leases >= scope.parallel then
    return refused(scope.parallel, state.leases, 1000, true)
  end
end

local found
local mine = KEYS[asked.scopes[1].key + 2]
local again = redis.call('ZSCORE', mine, asked.id)
if not again then
  for _, kind in ipairs({'budget', 'rpm', 'tpm', 'parallel'}) do
    for place, scope in ipairs(asked.scopes) do
      found = found or refusal(kind, place, scope, states[place])
    end
  end
end

local standings = {}
for place, scope in ipairs(asked.scopes) do
  local key, state = scope.key, states[place]
  if not found and not again then
    lease(KEYS[key + 2], KEYS[key + 3], asked.id, asked.tokens, asked.cost)
    if scope.rpm then
      count(KEYS[key], 1)
      state.requests = state.requests + 1
      state.request_slots[#state.request_slots + 1] = {second, 1}
    end
    state.tokens_reserved = state.tokens_reserved + tokens
  end
  standings[place] = {
    requests = state.requests,
    requests_reset_ms = scope.rpm and wait(state.requests, state.request_slots, 0) or 0,
    tokens = state.tokens,
    tokens_reserved = scope.tpm and state.tokens_reserved or 0,
    tokens_reset_ms = scope.tpm and wait(state.tokens, state.token_slots, 0) or 0,
    budgets = state.budgets,
  }
end
return cjson.encode({standings = standings, refusal = found})
"""
)
"""Asked: `{id, tokens, cost, scopes: [{key, rpm, tpm, parallel, budgets: [{most, known, ttl}]}]}`."""

APPLY = (
    _COMMON
    + """
local done = tonumber(redis.call('GET', KEYS[1]) or 0)
if asked.number <= done then return 0 end
for _, step in ipairs(asked.steps) do
  for _, scope in ipairs(step.scopes) do
    local key = scope.key
    if step.kind == 'settle' then
      release(KEYS[key + 2], KEYS[key + 3], step.id)
      if scope.tpm and step.tokens ~= '0' then count(KEYS[key + 1], step.tokens) end
      for number, ttl in ipairs(scope.ttls) do
        local counter = KEYS[key + 3 + number]
        redis.call('HINCRBY', counter, 'spent', step.cost)
        if ttl > 0 then redis.call('EXPIRE', counter, ttl) end
      end
    else
      local fresh = lease(KEYS[key + 2], KEYS[key + 3], step.id, step.tokens, step.cost)
      if fresh and step.kind == 'register' and scope.rpm then count(KEYS[key], 1) end
    end
  end
end
redis.call('SET', KEYS[1], asked.number, 'EX', 86400)
return 1
"""
)
"""Asked: `{number, steps: [{kind, id, tokens, cost, scopes: [{key, rpm, tpm, ttls}]}]}`.

A batch is applied once: its number must be greater than the last one of its process.
"""

SEED = """
local spent = redis.call('HGET', KEYS[1], 'spent') or '0'
if tonumber(ARGV[1]) > tonumber(spent) then spent = ARGV[1] end
redis.call('HSET', KEYS[1], 'spent', spent, 'seeded', '1')
if tonumber(ARGV[2]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return spent
"""
"""The greater of what is counted and what the database knows."""
