-- Canaries (role feeds): planted people of an insurer. guard.canary says who they are; in rights and in identity they are
-- members like any, so every query that lists members for somebody leaves out whoever is in it.

-- name: count_members
-- Members readers see, canaries aside, by insurer: what canaries are shared out by.
SELECT insurer.insurer_id, count(*)
FROM rights.coverage AS sheet
JOIN rights.insurer USING (insurer_id)
WHERE sheet.opened_in <= insurer.published_version AND sheet.closed_in > insurer.published_version
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = sheet.person_ref)
GROUP BY insurer.insurer_id
ORDER BY insurer.insurer_id;

-- name: sample_members
-- Some members readers see, canaries aside: references are drawn at random, so the next ones after any are a fair sample.
SELECT sheet.person_ref
FROM rights.coverage AS sheet
JOIN rights.insurer USING (insurer_id)
WHERE insurer_id = %(insurer_id)s AND sheet.person_ref >= %(first)s
  AND sheet.opened_in <= insurer.published_version AND sheet.closed_in = 9223372036854775807
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = sheet.person_ref)
ORDER BY sheet.person_ref
LIMIT %(most)s;

-- name: list_households
-- Everybody covered by some contracts, canaries aside.
SELECT sheet.person_ref
FROM rights.coverage AS sheet
JOIN rights.insurer USING (insurer_id)
WHERE insurer_id = %(insurer_id)s AND sheet.contract_ref && %(contract_refs)s::bigint[]
  AND sheet.opened_in <= insurer.published_version AND sheet.closed_in = 9223372036854775807
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = sheet.person_ref)
ORDER BY sheet.person_ref;

-- name: list_contracts
-- Every contract of an insurer, of former members too: numbers that are taken.
SELECT DISTINCT unnest(contract_ref) FROM rights.coverage WHERE insurer_id = %(insurer_id)s
UNION
SELECT DISTINCT unnest(contract_ref) FROM rights.past_coverage WHERE insurer_id = %(insurer_id)s;

-- name: add_canary
-- The keys of a planted person, in the transaction that plants them.
INSERT INTO guard.canary (lookup_key, person_ref, insurer_id)
SELECT planted.key, %(person_ref)s, %(insurer_id)s FROM unnest(%(keys)b::uuid[]) AS planted (key);

-- name: list_canaries
-- The canaries of an insurer, one row a person.
SELECT canary.person_ref, count(*) AS keys, min(canary.planted_at) AS planted_at,
       max(canary.refreshed_at) AS refreshed_at, max(canary.retired_at) AS retired_at
FROM guard.canary
WHERE canary.insurer_id = %(insurer_id)s AND canary.person_ref IS NOT NULL
GROUP BY canary.person_ref
ORDER BY min(canary.planted_at), canary.person_ref;

-- name: count_canaries
-- How many canaries each insurer has, living and retired.
SELECT insurer.insurer_id, insurer.name, count(DISTINCT canary.person_ref) FILTER (WHERE canary.retired_at IS NULL) AS living,
       count(DISTINCT canary.person_ref) FILTER (WHERE canary.retired_at IS NOT NULL) AS retired,
       count(canary.lookup_key) AS keys, max(canary.refreshed_at) AS refreshed_at
FROM rights.insurer
LEFT JOIN guard.canary USING (insurer_id)
GROUP BY insurer.insurer_id, insurer.name
ORDER BY insurer.insurer_id;

-- name: note_refreshed
-- Canaries whose life was looked at.
UPDATE guard.canary SET refreshed_at = clock_timestamp() WHERE person_ref = ANY (%(person_refs)s);

-- name: note_retired
-- Canaries that leave, or left: whoever looks them up is held all the same.
UPDATE guard.canary SET retired_at = clock_timestamp()
WHERE person_ref = ANY (%(person_refs)s) AND retired_at IS NULL;

-- name: add_card_keys
-- The codes of cards made for canaries, in the transaction that made them: nobody was sent one.
INSERT INTO guard.canary (lookup_key, person_ref, insurer_id)
SELECT own.presence_key, own.person_ref, card.insurer_id
FROM rights.card JOIN rights.card_key AS own USING (serial)
WHERE card.batch_ref = %(batch_ref)s
  AND EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = own.person_ref)
ON CONFLICT (lookup_key) DO NOTHING;
