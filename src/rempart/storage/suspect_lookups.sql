-- What an incident's analysis reads of the database (role analyst): look-ups of suspect accounts that are in no sealed file, and
-- what is known of their sessions. Ranges of entries are parameters, so that nothing is read twice; entries are reached by
-- entry_by_account, never by a scan of the ledger. Kinds 1 and 2 are look-ups; person 0 is nobody.

-- name: list_lookups
-- The look-ups of the suspect accounts, in no order.
SELECT e.account_ref, e.session_ref, e.t_ms, e.person_ref, e.insurer_id, e.mode, e.fields
FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
JOIN ledger.entry AS e ON e.log_id = span.log_id AND e.idx >= span.start AND e.idx < span.stop
WHERE e.account_ref = ANY(%(account_refs)s::bigint[])
  AND e.kind IN (1, 2) AND e.t_ms >= %(from_ms)s AND e.t_ms < %(ends_ms)s;

-- name: list_suspect_lookups
-- Those of the window, one by one, with what was typed: what the brute-force answer is computed from.
SELECT e.account_ref, e.session_ref, e.t_ms, e.mode, e.outcome, e.insurer_id, e.person_ref, e.lookup_key, e.fields
FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
JOIN ledger.entry AS e ON e.log_id = span.log_id AND e.idx >= span.start AND e.idx < span.stop
WHERE e.account_ref = ANY(%(account_refs)s::bigint[])
  AND e.kind IN (1, 2) AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s;

-- name: list_tries
-- What some of their sessions asked for in vain, by insurer and key.
SELECT e.insurer_id, e.lookup_key, count(*)
FROM unnest(%(log_ids)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[]) AS span (log_id, start, stop)
JOIN ledger.entry AS e ON e.log_id = span.log_id AND e.idx >= span.start AND e.idx < span.stop
WHERE e.account_ref = ANY(%(account_refs)s::bigint[]) AND e.session_ref = ANY(%(session_refs)s::bigint[])
  AND e.person_ref = 0 AND e.kind IN (1, 2) AND e.mode <> 6 AND e.t_ms >= %(starts_ms)s AND e.t_ms < %(ends_ms)s
GROUP BY e.insurer_id, e.lookup_key;

-- name: list_origins
-- From where and with what sessions came.
SELECT session_ref, COALESCE(address, ''), COALESCE(agent, ''), COALESCE(client_ref::text, '')
FROM ledger.session
WHERE session_ref = ANY(%(session_refs)s::bigint[]);

-- name: list_spoiled
-- Sessions that an earlier incident found in a thief's hands, and when: they are no past.
SELECT s.session_ref, i.starts_ms, i.ends_ms
FROM incidents.attributed_session AS s
JOIN incidents.incident AS i USING (incident_id)
WHERE s.incident_id <> %(incident_id)s AND s.verdict <> 'owner' AND s.account_ref = ANY(%(account_refs)s::bigint[]);

-- name: read_clock
-- Now, in milliseconds.
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;

-- name: list_claimed
-- For whom the establishments of the suspect accounts sent claims that were accepted, and when; a claim that was taken back or that
-- nothing is due of explains nothing. Only what had come when the analysis began.
SELECT p.account_ref, c.person_ref, floor(extract(epoch FROM c.received_at) * 1000)::bigint AS t_ms
FROM accounts.professional AS p
JOIN claims.claim AS c ON c.establishment_ref = p.establishment_ref
WHERE p.account_ref = ANY(%(account_refs)s::bigint[]) AND c.person_ref <> 0 AND c.state IN ('adjudicated', 'remitted', 'paid')
  AND c.received_at >= to_timestamp(%(from_ms)s / 1000.0)
  AND c.received_at < to_timestamp(LEAST(%(ends_ms)s::bigint + %(claim_ms)s::bigint, %(as_of_ms)s::bigint) / 1000.0);

-- name: list_canaries
-- Persons who are nobody to be told.
SELECT person_ref FROM guard.canary WHERE person_ref IS NOT NULL;

-- name: insert_exposed_persons
-- A part of the list of an analysis, beside the one before; a COPY does not go past row policies.
INSERT INTO incidents.exposed_person (incident_id, insurer_id, person_ref, analysis, tier, fields, gained, lookups, sessions)
SELECT %(incident_id)s, x.insurer_id, x.person_ref, %(analysis)s, x.tier, x.fields, x.gained, x.lookups, x.sessions::bigint[]
FROM unnest(%(insurer_id)s::integer[], %(person_ref)s::bigint[], %(tier)s::text[], %(fields)s::bigint[], %(gained)s::bigint[],
            %(lookups)s::integer[], %(sessions)s::text[])
    AS x (insurer_id, person_ref, tier, fields, gained, lookups, sessions);
