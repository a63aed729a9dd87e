-- What is in the files of cold segments, for a person's own page (role portals) and for a proof (role auditor).

-- name: list_cold
-- The segments whose openings are in their files only.
SELECT log_id, segment, by_person_name FROM ledger.segment WHERE state = 'cold' ORDER BY log_id, segment;

-- name: find_cold
-- The file that holds the whole of an entry, when its openings are in files only.
SELECT s.by_account_name FROM ledger.segment AS s JOIN ledger.log AS l USING (log_id)
WHERE s.log_id = %(log_id)s AND s.segment = %(index)s::bigint >> l.segment_bits AND s.state = 'cold';
