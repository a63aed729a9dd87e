-- What a proof is made of (psycopg; roles auditor, and portals for what one person may be shown of themselves).

-- name: find_anchor
-- A log and the checkpoint that a proof of an entry leads to: the newest one a witness signed above it, or else the
-- newest kept.
SELECT log.origin, kept.size, kept.note,
    ARRAY(SELECT mark.line FROM ledger.cosignature AS mark
          WHERE mark.log_id = kept.log_id AND mark.size = kept.size ORDER BY mark.witness)
FROM ledger.log
JOIN ledger.edge ON edge.log_id = log.log_id
JOIN ledger.checkpoint AS kept ON kept.log_id = log.log_id AND kept.size = COALESCE(
    (SELECT max(mark.size) FROM ledger.cosignature AS mark
     WHERE mark.log_id = log.log_id AND mark.size > %(index)s AND mark.size <= edge.size),
    edge.size)
WHERE log.log_id = %(log_id)s;

-- name: find_checkpoints
-- The kept checkpoints nearest to a size from both sides, with their cosignatures.
SELECT kept.size, kept.note,
    ARRAY(SELECT mark.line FROM ledger.cosignature AS mark
          WHERE mark.log_id = kept.log_id AND mark.size = kept.size ORDER BY mark.witness)
FROM (
    (SELECT * FROM ledger.checkpoint AS c WHERE c.log_id = %(log_id)s AND c.size <= %(size)s ORDER BY c.size DESC LIMIT 1)
    UNION
    (SELECT * FROM ledger.checkpoint AS c WHERE c.log_id = %(log_id)s AND c.size >= %(size)s ORDER BY c.size LIMIT 1)
) AS kept
ORDER BY kept.size;

-- name: load_entry
-- One entry, in the order of the columns of disclosure.entry.Entry, with what it says beside (role auditor).
SELECT entry.log_id, entry.idx, entry.kind, entry.t_ms, entry.salt, entry.account_ref, entry.session_ref, entry.acct_seq,
       entry.person_ref, entry.insurer_id, entry.ins_seq, uuid_send(entry.lookup_key), entry.purpose, entry.mode,
       entry.domain, entry.care_day, entry.outcome, entry.fields, entry.schema_version, entry.data_version,
       uuid_send(entry.request_id),
       statement.body, session.session_ref, session.account_ref, session.client_ref, session.opened_ms, session.method,
       session.address, session.agent
FROM ledger.entry
LEFT JOIN ledger.statement ON statement.log_id = entry.log_id AND statement.idx = entry.idx
LEFT JOIN ledger.session ON entry.kind = 9 AND session.session_ref = entry.session_ref
WHERE entry.log_id = %(log_id)s AND entry.idx = %(index)s;

-- name: load_session
-- The facts of a session, for the entry that opened it and is in a file only (role auditor).
SELECT session.session_ref, session.account_ref, session.client_ref, session.opened_ms, session.method, session.address,
       session.agent
FROM ledger.session WHERE session.session_ref = %(session_ref)s;

-- name: explain_absence
-- Why an opening is not in the database: erased by an act, in a sealed file only, or dropped with its segment.
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM ledger.erased AS e WHERE e.log_id = %(log_id)s AND e.idx = %(index)s) THEN 'erased'
    ELSE (SELECT s.state FROM ledger.segment AS s JOIN ledger.log AS l USING (log_id)
          WHERE s.log_id = %(log_id)s AND s.segment = %(index)s >> l.segment_bits)
END;

-- name: open_my_entry
-- What a person may be shown of one entry about them: who and what with their salts, whom as a commitment (role portals;
-- nothing for an entry that is not theirs, or is not shown for now).
SELECT kind, t_ms, who_salt, account_ref, session_ref, acct_seq, whom_commitment, what_salt, purpose, mode, domain,
       care_day, outcome, fields, schema_version, data_version, uuid_send(request_id)
FROM ledger.open_my_entry(%(log_id)s::smallint, %(index)s::bigint);
