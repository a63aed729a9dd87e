-- Feeds of rights: versions, sheets, look-up keys. Readers see the sheets for which
-- opened_in <= rights.insurer.published_version < closed_in; nothing else here is visible to them.
-- 9223372036854775807 is "still open".

-- name: register_insurer
-- Adds an insurer, or brings its name and agreement up to date; its AMC number never changes.
INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from, agreement_to)
VALUES (%(insurer_id)s, %(amc_number)s, %(name)s, %(agreement_from)s, %(agreement_to)s)
ON CONFLICT (insurer_id) DO UPDATE
    SET name = excluded.name, agreement_from = excluded.agreement_from,
        agreement_to = excluded.agreement_to
    WHERE insurer.amc_number = excluded.amc_number
RETURNING insurer_id;

-- name: find_insurer_by_amc
-- Who holds an AMC number.
SELECT insurer_id FROM rights.insurer WHERE amc_number = %(amc_number)s;

-- name: load_insurer
-- What an import must know of its insurer. An open end comes back as null.
SELECT insurer_id, amc_number, name, agreement_from, NULLIF(agreement_to, 'infinity') AS agreement_to,
       published_version
FROM rights.insurer
WHERE insurer_id = %(insurer_id)s;

-- name: claim_insurer
-- One import at a time for one insurer; let go when the connection ends, however it ends.
SELECT pg_try_advisory_lock(1380273489, %(insurer_id)s);

-- name: lock_insurer
-- Within a transaction that moves sheets: an import and the daily sweep take turns.
SELECT published_version FROM rights.insurer WHERE insurer_id = %(insurer_id)s FOR NO KEY UPDATE;

-- name: lock_insurers
-- The same for some insurers or for all, always in one order.
SELECT insurer_id FROM rights.insurer
WHERE %(insurer_ids)s::integer[] IS NULL OR insurer_id = ANY (%(insurer_ids)s)
ORDER BY insurer_id FOR NO KEY UPDATE;

-- name: load_pending_version
-- The version being loaded for an insurer, if any.
SELECT feed_version, kind, file_digest, rows_done, rows_applied, rows_rejected
FROM rights.feed_version
WHERE insurer_id = %(insurer_id)s AND state = 'pending';

-- name: load_published_digest
-- The last published version made from a file, and whether a later one came since.
SELECT version.feed_version, version.published_at,
       version.feed_version < insurer.published_version AS superseded
FROM rights.feed_version AS version
JOIN rights.insurer USING (insurer_id)
WHERE version.insurer_id = %(insurer_id)s AND version.file_digest = %(file_digest)s
  AND version.kind = %(kind)s AND version.state = 'published'
ORDER BY version.feed_version DESC
LIMIT 1;

-- name: open_version
-- Starts a version.
INSERT INTO rights.feed_version (insurer_id, kind, file_digest, state)
VALUES (%(insurer_id)s, %(kind)s, %(file_digest)s, 'pending')
RETURNING feed_version;

-- name: forget_findings
-- Findings of the insurer's earlier versions.
DELETE FROM rights.feed_finding
USING rights.feed_version AS version
WHERE feed_finding.feed_version = version.feed_version AND version.insurer_id = %(insurer_id)s
  AND version.state <> 'pending';

-- name: advance_version
-- Counts a piece as done, in the transaction that wrote it. No row: somebody else advanced or ended this version.
UPDATE rights.feed_version
SET rows_done = rows_done + %(rows)s, rows_applied = rows_applied + %(applied)s,
    rows_rejected = rows_rejected + %(rejected)s
WHERE feed_version = %(feed_version)s AND state = 'pending' AND rows_done = %(rows_done)s
RETURNING rows_done;

-- name: copy_findings
-- Findings of a piece.
COPY rights.feed_finding (feed_version, line, field, rule, message, advice) FROM STDIN;

-- name: load_findings
-- Findings of a version, in the order of the file.
SELECT line, field, rule, message, advice
FROM rights.feed_finding
WHERE feed_version = %(feed_version)s
ORDER BY line, field, rule;

-- name: count_findings
-- How many findings of a version, by rule.
SELECT rule, count(*) FROM rights.feed_finding WHERE feed_version = %(feed_version)s
GROUP BY rule ORDER BY 2 DESC, 1;

-- name: add_terms
-- Adds a guarantee that a piece uses, unless it is there.
INSERT INTO rights.terms (terms_id, insurer_id, digest, convention_type, csr, responsible, domains)
VALUES (%(terms_id)s, %(insurer_id)s, %(digest)s, %(convention_type)s, %(csr)s, %(responsible)s, %(domains)s)
ON CONFLICT (terms_id) DO NOTHING;

-- name: plan_by_index
-- Until the end of the transaction: with tens of thousands of keys the planner would rather read a whole table, however large.
SELECT set_config('enable_seqscan', %(by_scan)s, true), set_config('enable_bitmapscan', %(by_scan)s, true),
       set_config('enable_hashjoin', %(by_scan)s, true), set_config('enable_mergejoin', %(by_scan)s, true);

-- name: load_sheets
-- The open sheet of each person, and the one that a version closed, as the six array fields of COPY.
SELECT person_ref, closed_in, opened_in,
       int4send(octet_length(array_send(contract_ref))) || array_send(contract_ref)
       || int4send(octet_length(array_send(starts_on))) || array_send(starts_on)
       || int4send(octet_length(array_send(ends_on))) || array_send(ends_on)
       || int4send(octet_length(array_send(suspended_from))) || array_send(suspended_from)
       || int4send(octet_length(array_send(suspended_to))) || array_send(suspended_to)
       || int4send(octet_length(array_send(terms_id))) || array_send(terms_id) AS body
FROM (
    SELECT * FROM rights.coverage
    WHERE person_ref = ANY (%(person_refs)s)
      AND closed_in IN (9223372036854775807, %(feed_version)s)
    UNION ALL
    SELECT * FROM rights.past_coverage
    WHERE person_ref = ANY (%(person_refs)s)
      AND closed_in IN (9223372036854775807, %(feed_version)s)
) AS sheet;

-- name: copy_coverage
-- New sheets of people who are members.
COPY rights.coverage (person_ref, closed_in, opened_in, insurer_id, contract_ref, starts_on, ends_on,
                      suspended_from, suspended_to, terms_id)
FROM STDIN (FORMAT binary);

-- name: copy_past_coverage
-- New sheets of people whose contracts have all ended.
COPY rights.past_coverage (person_ref, closed_in, opened_in, insurer_id, contract_ref, starts_on, ends_on,
                           suspended_from, suspended_to, terms_id)
FROM STDIN (FORMAT binary);

-- name: copy_lookup
-- Look-up keys of new people: they lead to a sheet that is not visible yet.
COPY rights.lookup (lookup_key, person_ref) FROM STDIN (FORMAT binary);

-- name: give_up_lookup
-- Look-up keys that a version itself brought and takes back.
DELETE FROM rights.lookup
WHERE lookup_key = ANY (%(keys)b) AND person_ref = %(person_ref)s;

-- name: drop_opened
-- Sheets that a pending version opened, of some people who are members.
DELETE FROM rights.coverage
WHERE person_ref = ANY (%(person_refs)s) AND opened_in = %(feed_version)s;

-- name: drop_opened_past
-- The same, of people whose contracts have all ended.
DELETE FROM rights.past_coverage
WHERE person_ref = ANY (%(person_refs)s) AND opened_in = %(feed_version)s;

-- name: close_sheets
-- Ends, in a pending version, the sheets that readers see.
UPDATE rights.coverage SET closed_in = %(feed_version)s
WHERE person_ref = ANY (%(person_refs)s) AND closed_in = 9223372036854775807
  AND opened_in < %(feed_version)s;

-- name: close_past_sheets
-- The same for people whose contracts have all ended.
UPDATE rights.past_coverage SET closed_in = %(feed_version)s
WHERE person_ref = ANY (%(person_refs)s) AND closed_in = 9223372036854775807
  AND opened_in < %(feed_version)s;

-- name: reopen_sheets
-- Takes back what `close_sheets` did.
UPDATE rights.coverage SET closed_in = 9223372036854775807
WHERE person_ref = ANY (%(person_refs)s) AND closed_in = %(feed_version)s;

-- name: reopen_past_sheets
-- Takes back what `close_past_sheets` did.
UPDATE rights.past_coverage SET closed_in = 9223372036854775807
WHERE person_ref = ANY (%(person_refs)s) AND closed_in = %(feed_version)s;

-- name: copy_waiting_lines
-- Lines of a delta to be tried again after its last row.
COPY rights.waiting_line (feed_version, line, person_ref, action, contract_ref, starts_on, ends_on,
                          suspended_from, suspended_to, terms_id)
FROM STDIN;

-- name: find_waiting
-- Which of some people have a line that waits: their next ones wait too.
SELECT DISTINCT person_ref FROM rights.waiting_line
WHERE feed_version = %(feed_version)s AND person_ref = ANY (%(person_refs)s);

-- name: take_waiting_lines
-- Lines that wait, of the next people by reference. An open end comes back as null.
WITH taken AS (
    DELETE FROM rights.waiting_line
    WHERE feed_version = %(feed_version)s AND person_ref IN (
        SELECT DISTINCT person_ref FROM rights.waiting_line
        WHERE feed_version = %(feed_version)s ORDER BY person_ref LIMIT %(people)s)
    RETURNING person_ref, line, action, contract_ref, starts_on, ends_on, suspended_from, suspended_to,
              terms_id
)
SELECT person_ref, line, action, contract_ref, starts_on, NULLIF(ends_on, 'infinity'),
       NULLIF(suspended_from, 'infinity'), NULLIF(suspended_to, 'infinity'), terms_id
FROM taken
ORDER BY person_ref, line;

-- name: count_closing
-- Members of an insurer whom a version leaves without a line that lasts until %(today)s, because its file does not state them
-- (a full feed) or ends or removes their lines, and all its members. Canaries are neither: no feed states them, and the insurer
-- is told these figures.
SELECT count(*) FILTER (WHERE CASE
           WHEN sheet.closed_in > %(feed_version)s THEN %(full)s AND seen.person_ref IS NULL
           ELSE NOT EXISTS (
               SELECT FROM rights.coverage AS next
               WHERE next.person_ref = sheet.person_ref AND next.opened_in = %(feed_version)s
                 AND %(today)s <= ANY (next.ends_on))
           END), count(*)
FROM rights.coverage AS sheet
LEFT JOIN identity.seen_in_feed AS seen
       ON seen.feed_version = %(feed_version)s AND seen.person_ref = sheet.person_ref
WHERE sheet.insurer_id = %(insurer_id)s AND sheet.opened_in < %(feed_version)s
  AND sheet.closed_in >= %(feed_version)s AND %(today)s <= ANY (sheet.ends_on)
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = sheet.person_ref);

-- name: close_absent
-- Ends the sheets of the members whom a full feed does not state; canaries stay.
UPDATE rights.coverage AS sheet SET closed_in = %(feed_version)s
WHERE sheet.insurer_id = %(insurer_id)s AND sheet.opened_in < %(feed_version)s
  AND sheet.closed_in = 9223372036854775807
  AND NOT EXISTS (
      SELECT FROM identity.seen_in_feed AS seen
      WHERE seen.feed_version = %(feed_version)s AND seen.person_ref = sheet.person_ref)
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = sheet.person_ref);

-- name: retire_keys
-- Look-up keys that a version gives up for another: they keep leading to the person, and open nothing.
WITH given_up AS (
    SELECT known.key, person.person_ref
    FROM identity.pending_person AS pending
    JOIN identity.person USING (person_ref)
    CROSS JOIN LATERAL unnest(person.lookup_keys) AS known (key)
    WHERE pending.feed_version = %(feed_version)s AND known.key <> ALL (pending.lookup_keys)
), gone AS (
    DELETE FROM rights.lookup USING given_up WHERE lookup_key = given_up.key
)
INSERT INTO identity.person_key (person_key, person_ref, added_in)
SELECT key, person_ref, %(feed_version)s FROM given_up
ON CONFLICT (person_key) DO NOTHING;

-- name: admit_members
-- Look-up keys of people changed by a version and covered now: new ones, and those of people who came back, of their
-- cards in force too.
WITH member_key AS (
    SELECT known.key, person.person_ref
    FROM identity.seen_in_feed AS seen
    JOIN identity.person USING (person_ref)
    JOIN rights.coverage AS sheet
      ON sheet.person_ref = person.person_ref AND sheet.closed_in = 9223372036854775807
    CROSS JOIN LATERAL unnest(person.lookup_keys) AS known (key)
    WHERE seen.feed_version = %(feed_version)s AND seen.changed
    UNION ALL
    SELECT own.presence_key, own.person_ref
    FROM identity.seen_in_feed AS seen
    JOIN rights.card_key AS own USING (person_ref)
    JOIN rights.card USING (serial)
    JOIN rights.coverage AS sheet
      ON sheet.person_ref = own.person_ref AND sheet.closed_in = 9223372036854775807
    WHERE seen.feed_version = %(feed_version)s AND seen.changed
      AND card.revoked_at IS NULL AND card.valid_to >= (now() AT TIME ZONE 'Europe/Paris')::date
), out_of_store AS (
    DELETE FROM identity.person_key USING member_key WHERE person_key = member_key.key
)
INSERT INTO rights.lookup (lookup_key, person_ref)
SELECT key, person_ref FROM member_key
ON CONFLICT (lookup_key) DO NOTHING;

-- name: publish_version
-- The flip: one update, and every reader sees the new version. No row: the version is not pending.
WITH version AS (
    UPDATE rights.feed_version SET state = 'published', published_at = clock_timestamp()
    WHERE feed_version = %(feed_version)s AND state = 'pending' AND rows_done = %(rows_done)s
    RETURNING insurer_id, feed_version
)
UPDATE rights.insurer SET published_version = version.feed_version
FROM version
WHERE insurer.insurer_id = version.insurer_id
RETURNING insurer.published_version;

-- name: sweep_leavers
-- People with no visible or coming sheet that lasts until %(today)s: sheets and keys leave the plane the gateway reads.
WITH leaver AS MATERIALIZED (
    SELECT DISTINCT sheet.person_ref
    FROM rights.coverage AS sheet
    JOIN rights.insurer USING (insurer_id)
    WHERE insurer_id = ANY (%(insurer_ids)s)
      AND NOT (sheet.closed_in > insurer.published_version AND %(today)s <= ANY (sheet.ends_on))
      AND NOT EXISTS (
          SELECT FROM rights.coverage AS live
          WHERE live.person_ref = sheet.person_ref AND live.closed_in > insurer.published_version
            AND %(today)s <= ANY (live.ends_on))
), moved AS (
    DELETE FROM rights.coverage USING leaver WHERE coverage.person_ref = leaver.person_ref
    RETURNING coverage.*
), kept AS (
    INSERT INTO rights.past_coverage SELECT * FROM moved
), closed AS (
    DELETE FROM rights.lookup
    USING leaver JOIN identity.person USING (person_ref)
    WHERE lookup.lookup_key = ANY (person.lookup_keys) AND lookup.person_ref = person.person_ref
    RETURNING lookup.lookup_key, lookup.person_ref
), without_card AS (
    -- rights.card_key keeps them: they come back with the person.
    DELETE FROM rights.lookup
    USING leaver JOIN rights.card_key AS own USING (person_ref)
    WHERE lookup.lookup_key = own.presence_key AND lookup.person_ref = own.person_ref
), stored AS (
    INSERT INTO identity.person_key (person_key, person_ref, added_in)
    SELECT lookup_key, person_ref, 0 FROM closed
    ON CONFLICT (person_key) DO NOTHING
)
SELECT (SELECT count(*) FROM leaver) AS people, (SELECT count(*) FROM closed) AS keys;

-- name: reopen_closed
-- Discarding: every sheet that the version would have ended.
UPDATE rights.coverage SET closed_in = 9223372036854775807
WHERE insurer_id = %(insurer_id)s AND closed_in = %(feed_version)s;

-- name: reopen_closed_past
-- The same for people whose contracts have all ended.
UPDATE rights.past_coverage SET closed_in = 9223372036854775807
WHERE insurer_id = %(insurer_id)s AND closed_in = %(feed_version)s;

-- name: drop_version_sheets
-- Discarding: every sheet that the version opened.
DELETE FROM rights.coverage WHERE insurer_id = %(insurer_id)s AND opened_in = %(feed_version)s;

-- name: drop_version_past_sheets
-- The same for people whose contracts have all ended.
DELETE FROM rights.past_coverage
WHERE insurer_id = %(insurer_id)s AND opened_in = %(feed_version)s;

-- name: drop_version_lookups
-- Discarding: look-up keys of the people the version brought.
DELETE FROM rights.lookup
USING identity.person
WHERE person.insurer_id = %(insurer_id)s AND person.changed_in = %(feed_version)s
  AND lookup.lookup_key = ANY (person.lookup_keys) AND lookup.person_ref = person.person_ref;

-- name: drop_waiting_lines
-- Discarding: lines that waited.
DELETE FROM rights.waiting_line WHERE feed_version = %(feed_version)s;

-- name: discard_version
-- Ends a version that will not be published; its number is not used again.
UPDATE rights.feed_version SET state = 'discarded'
WHERE feed_version = %(feed_version)s AND state = 'pending'
RETURNING feed_version;

-- name: list_versions
-- The last versions, newest first, of one insurer or of all.
SELECT version.insurer_id, insurer.amc_number, insurer.name, version.feed_version, version.kind,
       version.state, version.rows_done, version.rows_applied, version.rows_rejected,
       version.started_at, version.published_at,
       version.feed_version = insurer.published_version AS current
FROM rights.feed_version AS version
JOIN rights.insurer USING (insurer_id)
WHERE version.insurer_id = COALESCE(%(insurer_id)s, version.insurer_id)
ORDER BY version.feed_version DESC
LIMIT %(limit)s;

-- name: index_contracts
-- Notes who is on each contract; how many lines there are.
SELECT rights.index_contracts();
