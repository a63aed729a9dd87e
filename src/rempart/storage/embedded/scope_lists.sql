-- DuckDB: the answer, as files and pages want it. Every order is total, so that the same inputs give the same bytes.

-- name: list_persons
-- One insurer's list: who may have been shown, surest first within a person's identifiers. The chain of processors is on the summary.
SELECT amc AS amc_number, contract AS contract_number, member AS member_number, insured_nir, own_nir, birth_date, birth_rank, quality,
       birth_date > strftime(paris_day($starts_ms) - INTERVAL 18 YEAR, '%Y%m%d') AS minor, last_day < paris_day($ends_ms - 1) AS former,
       tier, reasons, fields, gained, lookups, first_ms, last_ms, sessions
FROM answer
WHERE amc = $amc AND tier IN ('A', 'B', 'C')
ORDER BY insured_nir, birth_date, birth_rank;

-- name: count_answer
-- Persons of each insurer by tier and by reason they cannot be concerned; `named` are those a log line names.
SELECT amc, tier, ruled_out, count(*)::BIGINT AS persons, count(*) FILTER (WHERE lookups > 0)::BIGINT AS named,
       bit_or(fields) AS fields, bit_or(reasons) AS reasons
FROM answer
GROUP BY amc, tier, ruled_out
ORDER BY amc, tier, ruled_out;

-- name: count_fields
-- How many persons of each insurer lost each field, by tier; `gained` are those of whom the thief did not have it already.
SELECT amc, tier, bit, count(*) FILTER (WHERE fields >> bit & 1 = 1)::BIGINT AS persons,
       count(*) FILTER (WHERE gained >> bit & 1 = 1)::BIGINT AS gained
FROM answer, (SELECT unnest(range(0, 63))::INTEGER AS bit)
WHERE lookups > 0 AND fields >> bit & 1 = 1
GROUP BY amc, tier, bit
ORDER BY amc, tier, bit;

-- name: count_reasons
-- How many persons of each insurer have each reason.
SELECT amc, tier, bit, count(*)::BIGINT AS persons
FROM answer, (SELECT unnest(range(0, 21))::INTEGER AS bit)
WHERE tier IN ('A', 'B', 'C') AND reasons >> bit & 1 = 1
GROUP BY amc, tier, bit
ORDER BY amc, tier, bit;

-- name: list_strangers
-- In the logs and not in the registry.
SELECT identifier, insurer_as_logged, tier, reasons, fields, gained, lookups, first_ms, last_ms, sessions
FROM stranger
ORDER BY person, insurer;

-- name: count_strangers
-- How many they are, by tier.
SELECT tier, count(*)::BIGINT, bit_or(fields) FROM stranger GROUP BY tier ORDER BY tier;

-- name: list_unknown_screens
-- Lines of suspect accounts on screens that the mapping does not know, or whose person the log does not name.
SELECT l.source, l.line, l.t_ms, l.session_ref, l.view, l.outcome,
       CASE WHEN l.view = '' THEN 'unknown_screen' WHEN l.query_only THEN 'search' ELSE 'no_person' END AS why
FROM looked AS l
JOIN verdict AS v ON v.session_ref = l.session_ref
WHERE l.in_window AND NOT (v.verdict = 'owner' AND v.is_overruled) AND l.outcome IN ('shown', 'unknown')
  AND (l.view = '' OR l.query_only OR (l.person IS NULL AND l.shown <> 0))
ORDER BY l.source, l.line, l.session_ref, why
LIMIT 100000;

-- name: count_timeline
-- Look-ups of the suspect accounts by slice of time: those of sessions a thief was in, or may have been, and those that look the owners'.
SELECT ((l.t_ms - $starts_ms) // $slice_ms)::INTEGER AS slice, count(*) FILTER (WHERE v.verdict <> 'owner')::BIGINT AS attributed,
       count(*) FILTER (WHERE v.verdict = 'owner')::BIGINT AS lawful
FROM lookup AS l JOIN verdict AS v ON v.session_ref = l.session_ref
WHERE l.in_window
GROUP BY slice
ORDER BY slice;

-- name: count_sessions_persons
-- How many persons each session was shown, in the registry or not.
SELECT session_ref, count(DISTINCT person)::BIGINT FROM shown GROUP BY session_ref ORDER BY session_ref;

-- name: diff_persons
-- What changed between two lists of persons, in Parquet: added, removed, raised, lowered, changed (fields).
SELECT COALESCE(n.amc_number, o.amc_number) AS amc_number, COALESCE(n.insured_nir, o.insured_nir) AS insured_nir,
       COALESCE(n.birth_date, o.birth_date) AS birth_date, COALESCE(n.birth_rank, o.birth_rank) AS birth_rank,
       CASE WHEN o.tier IS NULL THEN 'added' WHEN n.tier IS NULL THEN 'removed' WHEN n.tier < o.tier THEN 'raised'
            WHEN n.tier > o.tier THEN 'lowered' ELSE 'changed' END AS change,
       COALESCE(o.tier, '') AS tier_before, COALESCE(n.tier, '') AS tier_after,
       COALESCE(o.fields, 0) AS fields_before, COALESCE(n.fields, 0) AS fields_after
FROM read_parquet($now) AS n
FULL JOIN read_parquet($before) AS o ON n.amc_number = o.amc_number AND n.insured_nir = o.insured_nir
                                    AND n.birth_date = o.birth_date AND n.birth_rank = o.birth_rank
WHERE n.tier IS DISTINCT FROM o.tier OR n.fields IS DISTINCT FROM o.fields
ORDER BY ALL;

-- name: diff_strangers
-- The same for persons that no registry holds, by what the logs call them.
SELECT COALESCE(n.insurer_as_logged, o.insurer_as_logged) AS amc_number, COALESCE(n.identifier, o.identifier) AS insured_nir,
       '' AS birth_date, '' AS birth_rank,
       CASE WHEN o.tier IS NULL THEN 'added' WHEN n.tier IS NULL THEN 'removed' WHEN n.tier < o.tier THEN 'raised'
            WHEN n.tier > o.tier THEN 'lowered' ELSE 'changed' END AS change,
       COALESCE(o.tier, '') AS tier_before, COALESCE(n.tier, '') AS tier_after,
       COALESCE(o.fields, 0) AS fields_before, COALESCE(n.fields, 0) AS fields_after
FROM read_parquet($now) AS n
FULL JOIN read_parquet($before) AS o ON n.identifier = o.identifier AND n.insurer_as_logged = o.insurer_as_logged
WHERE n.tier IS DISTINCT FROM o.tier OR n.fields IS DISTINCT FROM o.fields
ORDER BY ALL;

-- name: list_near_accounts
-- Accounts of the logs whose name is nearly one that is not there, the nearest first.
SELECT account, facts, damerau_levenshtein(lower(account), lower($account)) AS distance
FROM logged_account
WHERE account <> '' AND abs(length(account) - length($account)) <= $distance
  AND damerau_levenshtein(lower(account), lower($account)) <= $distance
ORDER BY distance, facts DESC, account
LIMIT 5;

-- name: count_addresses
-- How many addresses the suspect accounts came from, over all: a single one is a proxy's, or was rewritten.
SELECT count(DISTINCT address)::BIGINT FROM suspect_fact WHERE regexp_full_match(address, '[0-9a-fA-F.:]+');
