-- Campaigns as they are prepared and their texts written (psycopg: role notifier).

-- name: lock_campaign
-- A campaign, locked, with the number of the list it rests on, and how many persons a hole of the record may hide from it.
SELECT c.campaign_ref, c.incident_id, c.insurer_id, c.number, c.kind, c.exercise, c.facts, c.facts_digest, c.wrapped_key, c.state,
       c.per_hour, c.persons, c.prepared_to, c.findings, COALESCE(p.number, c.analysis),
       CASE WHEN c.analysis IS NULL THEN p.hidden WHEN a.coverage -> 'holes' = '[]' THEN 0 END
FROM notices.campaign AS c
LEFT JOIN incidents.package AS p USING (package_ref)
LEFT JOIN incidents.analysis AS a ON a.incident_id = c.incident_id AND a.number = c.analysis
WHERE c.campaign_ref = %(campaign_ref)s FOR UPDATE OF c;

-- name: load_campaign
-- The same, to read only.
SELECT c.campaign_ref, c.incident_id, c.insurer_id, c.number, c.kind, c.exercise, c.facts, c.facts_digest, c.wrapped_key, c.state,
       c.per_hour, c.persons, c.prepared_to, c.findings, COALESCE(p.number, c.analysis),
       CASE WHEN c.analysis IS NULL THEN p.hidden WHEN a.coverage -> 'holes' = '[]' THEN 0 END
FROM notices.campaign AS c
LEFT JOIN incidents.package AS p USING (package_ref)
LEFT JOIN incidents.analysis AS a ON a.incident_id = c.incident_id AND a.number = c.analysis
WHERE c.campaign_ref = %(campaign_ref)s;

-- name: begin_preparing
-- Starts from nobody, with a key for the codes and what the texts are made from.
UPDATE notices.campaign
SET prepared_to = 0, persons = 0, findings = '[]', wrapped_key = %(wrapped_key)s, facts_digest = %(facts_digest)s
WHERE campaign_ref = %(campaign_ref)s AND state = 'preparing';

-- name: drop_messages
-- Takes away what was prepared before.
DELETE FROM notices.message WHERE campaign_ref = %(campaign_ref)s;

-- name: list_sources
-- The packages that say together who is concerned: the latest whole list up to the campaign's, and the changes since.
SELECT p.package_ref, p.number FROM incidents.package AS p
WHERE p.incident_id = %(incident_id)s AND p.insurer_id = %(insurer_id)s AND p.state = 'sent' AND p.number <= %(number)s
  AND p.number >= (SELECT max(w.number) FROM incidents.package AS w
                   WHERE w.incident_id = %(incident_id)s AND w.insurer_id = %(insurer_id)s AND w.state = 'sent' AND w.basis = 0
                     AND w.number <= %(number)s)
ORDER BY p.number;

-- name: list_former
-- The campaigns of an insurer about an incident before one, where persons were told something.
SELECT c.campaign_ref FROM notices.campaign AS c
WHERE c.incident_id = %(incident_id)s AND c.insurer_id = %(insurer_id)s AND c.number < %(number)s;

-- name: load_piece
-- The persons that follow one, by reference: what the packages say of them, what they were told last and may have read, where they are
-- reached and how they wish to be, until when they are covered. Each source gives its first `most`, so the first `most` of all are among them.
WITH seen AS (
    SELECT q.person_ref, s.number, q.tier, q.fields, q.lost
    FROM unnest(%(package_refs)s::bigint[], %(numbers)s::integer[]) AS s (package_ref, number)
    CROSS JOIN LATERAL (
        SELECT r.person_ref, r.tier, r.fields, r.lost FROM incidents.packaged_person AS r
        WHERE r.package_ref = s.package_ref AND r.person_ref > %(after)s ORDER BY r.person_ref LIMIT %(most)s) AS q
    UNION ALL
    SELECT q.person_ref, 0, NULL, 0, 0
    FROM unnest(%(former_refs)s::bigint[]) AS s (campaign_ref)
    CROSS JOIN LATERAL (
        SELECT r.person_ref FROM notices.message AS r
        WHERE r.campaign_ref = s.campaign_ref AND r.person_ref > %(after)s ORDER BY r.person_ref LIMIT %(most)s) AS q
), known AS (
    SELECT DISTINCT ON (s.person_ref) s.person_ref, s.tier, s.fields, s.lost
    FROM seen AS s ORDER BY s.person_ref, s.number DESC LIMIT %(most)s
)
SELECT k.person_ref, k.tier, k.fields, k.lost, f.number, f.written_on, f.certainty, f.fields, c.sealed, c.household, c.flags,
       c.language, LEAST(v.last_day, '9999-12-31'::date), notices.has_space(%(insurer_id)s, k.person_ref), w.channel, w.language,
       w.variant
FROM known AS k
LEFT JOIN LATERAL (
    SELECT m.number, m.certainty, m.fields, (d.facts ->> 'written_on')::date AS written_on
    FROM notices.message AS m JOIN notices.campaign AS d USING (campaign_ref)
    WHERE m.person_ref = k.person_ref AND m.campaign_ref = ANY (%(former_refs)s::bigint[])
      AND (m.state IN ('sending', 'sent', 'printed', 'posted') OR m.reason = 'told_otherwise')
    ORDER BY m.number DESC LIMIT 1) AS f ON true
LEFT JOIN notices.contact AS c ON c.insurer_id = %(insurer_id)s AND c.person_ref = k.person_ref
LEFT JOIN notices.preference AS w ON w.insurer_id = %(insurer_id)s AND w.person_ref = k.person_ref
LEFT JOIN LATERAL (
    SELECT max(e.day) AS last_day
    FROM (SELECT q.ends_on FROM rights.coverage AS q
          WHERE q.person_ref = k.person_ref AND q.insurer_id = %(insurer_id)s AND q.closed_in = 9223372036854775807
          UNION ALL
          SELECT q.ends_on FROM rights.past_coverage AS q
          WHERE q.person_ref = k.person_ref AND q.insurer_id = %(insurer_id)s AND q.closed_in = 9223372036854775807) AS q
    CROSS JOIN unnest(q.ends_on) AS e (day)) AS v ON true
ORDER BY k.person_ref;

-- name: load_professionals
-- The same of professionals: what the last analysis says of them, what they were told last and may have read, where they are reached.
-- Who was shown nothing of their own, through software, is not concerned.
WITH known AS (
    SELECT q.person_ref, max(q.tier) AS tier, max(q.fields) AS fields
    FROM ((SELECT x.account_ref AS person_ref, x.tier, x.fields FROM incidents.exposed_professional AS x
           WHERE x.incident_id = %(incident_id)s AND x.fields <> 0 AND x.account_ref > %(after)s ORDER BY x.account_ref LIMIT %(most)s)
          UNION ALL
          (SELECT DISTINCT m.person_ref, NULL, 0::bigint FROM notices.message AS m
           WHERE m.campaign_ref = ANY (%(former_refs)s::bigint[]) AND m.person_ref > %(after)s
           ORDER BY m.person_ref LIMIT %(most)s)) AS q
    GROUP BY q.person_ref ORDER BY q.person_ref LIMIT %(most)s
)
SELECT k.person_ref, k.tier, k.fields, k.fields, f.number, f.written_on, f.certainty, f.fields, c.sealed, c.household, c.flags,
       c.language, NULL::date, false, NULL, NULL, NULL
FROM known AS k
LEFT JOIN LATERAL (
    SELECT m.number, m.certainty, m.fields, (d.facts ->> 'written_on')::date AS written_on
    FROM notices.message AS m JOIN notices.campaign AS d USING (campaign_ref)
    WHERE m.person_ref = k.person_ref AND m.campaign_ref = ANY (%(former_refs)s::bigint[])
      AND (m.state IN ('sending', 'sent', 'printed', 'posted') OR m.reason = 'told_otherwise')
    ORDER BY m.number DESC LIMIT 1) AS f ON true
LEFT JOIN notices.contact AS c ON c.insurer_id = %(insurer_id)s AND c.person_ref = k.person_ref
ORDER BY k.person_ref;

-- name: find_last_analysis
-- The number of an incident's last analysis.
SELECT max(a.number) FROM incidents.analysis AS a WHERE a.incident_id = %(incident_id)s HAVING max(a.number) IS NOT NULL;

-- name: insert_messages
-- The messages of a piece, one for each person.
INSERT INTO notices.message (campaign_ref, insurer_id, person_ref, kind, former, relation, certainty, doubt, fields, not_exposed,
                             left_on, kept_until, kept_why, language, variant, household, channel, state, reason, digest, code_digest)
SELECT %(campaign_ref)s, %(insurer_id)s, m.person_ref, m.kind, m.former, m.relation, m.certainty, m.doubt, m.fields, m.not_exposed,
       m.left_on, m.kept_until, m.kept_why, m.language, m.variant, m.household, m.channel, m.state, m.reason, m.digest, m.code_digest
FROM unnest(%(person_refs)s::bigint[], %(kinds)s::text[], %(formers)s::bigint[], %(relations)s::text[], %(certainties)s::text[],
            %(doubts)s::text[], %(fields)s::bigint[], %(not_exposed)s::bigint[], %(left_on)s::date[], %(kept_until)s::date[],
            %(kept_why)s::text[], %(languages)s::text[], %(variants)s::text[], %(households)s::bytea[], %(channels)s::text[],
            %(states)s::text[], %(reasons)s::text[], %(digests)s::bytea[], %(code_digests)s::bytea[])
    AS m (person_ref, kind, former, relation, certainty, doubt, fields, not_exposed, left_on, kept_until, kept_why, language, variant,
          household, channel, state, reason, digest, code_digest)
ORDER BY m.person_ref;

-- name: move_on
-- Notes how far preparing is.
UPDATE notices.campaign SET prepared_to = %(prepared_to)s, persons = persons + %(persons)s, findings = %(findings)s
WHERE campaign_ref = %(campaign_ref)s AND state = 'preparing';

-- name: end_preparing
-- Prepared, or back to a draft when it could not be.
UPDATE notices.campaign SET state = %(state)s, reason = %(reason)s WHERE campaign_ref = %(campaign_ref)s AND state = 'preparing';

-- name: load_messages
-- Messages by number, with what their text is written from.
SELECT m.number, m.campaign_ref, m.insurer_id, m.person_ref, m.kind, (d.facts ->> 'written_on')::date, m.relation, m.certainty,
       m.doubt, m.fields, m.not_exposed, m.left_on, m.kept_until, m.kept_why, m.language, m.variant, m.is_second, m.channel, m.state,
       m.digest, m.household, c.sealed
FROM notices.message AS m
LEFT JOIN notices.message AS f ON f.number = m.former
LEFT JOIN notices.campaign AS d ON d.campaign_ref = f.campaign_ref
LEFT JOIN notices.contact AS c ON c.insurer_id = m.insurer_id AND c.person_ref = m.person_ref
WHERE m.number = ANY (%(numbers)s::bigint[]) ORDER BY m.number;

-- name: find_campaign_of
-- Which campaign a message is of.
SELECT m.campaign_ref FROM notices.message AS m WHERE m.number = %(number)s;
