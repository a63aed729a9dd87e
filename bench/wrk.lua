-- wrk -s bench/wrk.lua URL -- QUESTIONS KEYS [idempotent]
-- Asks the questions of a file with the keys of another, both at random.
local questions, keys, name = {}, {}, 0

function init(args)
  math.randomseed(7)
  for line in io.lines(args[1]) do questions[#questions + 1] = line end
  for line in io.lines(args[2]) do keys[#keys + 1] = line end
  idempotent = args[3] == "idempotent"
  run = tostring(os.time())
end

function request()
  local headers = {
    ["Authorization"] = "Bearer " .. keys[math.random(#keys)],
    ["Content-Type"] = "application/json",
    ["User-Agent"] = "bench",
  }
  if idempotent then
    name = name + 1
    headers["Idempotency-Key"] = run .. "-" .. name
  end
  return wrk.format("POST", "/v1/rights-checks", headers, questions[math.random(#questions)])
end
