-- wrk -s bench/wrk.lua URL -- QUESTIONS TOKENS [idempotent | walk | panel SHARE]
-- Asks the questions of a file with the tokens of another, both at random. The tokens are bound to
-- the certificate of bench/callers.py: a DPoP proof would have to be signed anew for each request.
-- walk: each token asks for each person of its panel, one after the other; panel: it asks for one of
-- them so often, otherwise for anybody.
local questions, tokens, name, step = {}, {}, 0, -1
local PANEL = 60

function init(args)
  math.randomseed(7)
  for line in io.lines(args[1]) do questions[#questions + 1] = line end
  for line in io.lines(args[2]) do tokens[#tokens + 1] = line end
  idempotent = args[3] == "idempotent"
  walk = args[3] == "walk"
  share = args[3] == "panel" and tonumber(args[4]) or 0
  run = tostring(os.time())
end

local function of_panel(token, place)
  return questions[((token - 1) * PANEL + place) % #questions + 1]
end

function request()
  local token = math.random(#tokens)
  local question
  if walk then
    step = step + 1
    token = step % #tokens + 1
    question = of_panel(token, math.floor(step / #tokens) % PANEL)
  elseif math.random() < share then
    question = of_panel(token, math.random(0, PANEL - 1))
  else
    question = questions[math.random(#questions)]
  end
  local headers = {
    ["Authorization"] = "Bearer " .. tokens[token],
    ["Client-Cert"] = ":YmVuY2g=:",
    ["Content-Type"] = "application/json",
    ["User-Agent"] = "bench",
  }
  if idempotent then
    name = name + 1
    headers["Idempotency-Key"] = run .. "-" .. name
  end
  return wrk.format("POST", "/v1/rights-checks", headers, question)
end
