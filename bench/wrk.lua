-- wrk -s bench/wrk.lua URL -- QUESTIONS TOKENS [idempotent]
-- Asks the questions of a file with the tokens of another, both at random. The tokens are bound to
-- the certificate of bench/callers.py: a DPoP proof would have to be signed anew for each request.
local questions, tokens, name = {}, {}, 0

function init(args)
  math.randomseed(7)
  for line in io.lines(args[1]) do questions[#questions + 1] = line end
  for line in io.lines(args[2]) do tokens[#tokens + 1] = line end
  idempotent = args[3] == "idempotent"
  run = tostring(os.time())
end

function request()
  local headers = {
    ["Authorization"] = "Bearer " .. tokens[math.random(#tokens)],
    ["Client-Cert"] = ":YmVuY2g=:",
    ["Content-Type"] = "application/json",
    ["User-Agent"] = "bench",
  }
  if idempotent then
    name = name + 1
    headers["Idempotency-Key"] = run .. "-" .. name
  end
  return wrk.format("POST", "/v1/rights-checks", headers, questions[math.random(#questions)])
end
