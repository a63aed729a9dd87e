-- What a person is shown of the ledger, what is not shown to them for a time, and what the operator asks about somebody
-- by name. Reasons: docs/explanation/what-members-see.md.

-- ---------------------------------------------------------------- display held back

-- At the request of a judicial authority, entries of some accounts over a period are not shown to the people they are
-- about until a day: a year at most, then another one may follow. The entries stay in the ledger. Two people decide.
CREATE TABLE accounts.display_hold (
    hold_ref     bigint PRIMARY KEY,
    authority    text NOT NULL CHECK (authority <> ''),
    reference    text NOT NULL CHECK (reference <> ''),
    account_refs bigint[] NOT NULL CHECK (cardinality(account_refs) BETWEEN 1 AND 100),
    from_ms      bigint NOT NULL,
    to_ms        bigint NOT NULL,   -- excluded
    ends_at      timestamptz NOT NULL,
    asked_by     bigint NOT NULL REFERENCES accounts.actor,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    state        text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'approved', 'refused', 'lifted')),
    decided_by   bigint REFERENCES accounts.actor,
    decided_at   timestamptz,
    lifted_by    bigint REFERENCES accounts.actor,
    lifted_at    timestamptz,
    CHECK (from_ms < to_ms),
    CHECK (ends_at <= asked_at + interval '366 days'),
    CHECK (decided_by IS DISTINCT FROM asked_by OR state = 'refused' OR decided_by IS NULL)
);

-- Whether an account's entry of an instant is not shown for now to the person it is about.
CREATE FUNCTION ledger.is_held(account bigint, at_ms bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM accounts.display_hold AS h
                   WHERE h.state = 'approved' AND h.ends_at > clock_timestamp()
                     AND account = ANY (h.account_refs) AND at_ms >= h.from_ms AND at_ms < h.to_ms)
$$;
REVOKE EXECUTE ON FUNCTION ledger.is_held FROM PUBLIC;

-- ---------------------------------------------------------------- inquiries

-- A question of the host operator about one person: asked by one agent, approved by another, answered for seven days.
-- The identifiers typed are not kept: they were resolved once.
CREATE TABLE accounts.inquiry (
    inquiry_ref bigint PRIMARY KEY,
    insurer_id  integer NOT NULL REFERENCES rights.insurer,
    person_refs bigint[] NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('access', 'complaint', 'incident', 'judicial', 'control')),
    reason      text NOT NULL CHECK (reason <> ''),
    asked_by    bigint NOT NULL REFERENCES accounts.actor,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'approved', 'refused')),
    decided_by  bigint REFERENCES accounts.actor,
    decided_at  timestamptz,
    CHECK (decided_by IS DISTINCT FROM asked_by OR state = 'refused' OR decided_by IS NULL)
);

-- True for the host's agents who may ask about a person (permission ask_inquiry; a test compares).
CREATE FUNCTION accounts.inquires() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.is_host()
       AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security', 'operator_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.inquires FROM PUBLIC;

-- Writes a question down. Whoever asks does not learn whether the identifiers lead to anybody: the answer does, once
-- somebody else approved.
CREATE FUNCTION accounts.ask_inquiry(ref bigint, designated uuid, insurer integer, why text, words text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT accounts.inquires() THEN
        RAISE insufficient_privilege USING MESSAGE = 'agents of the host operator ask about people';
    END IF;
    INSERT INTO accounts.inquiry (inquiry_ref, insurer_id, person_refs, purpose, reason, asked_by)
    SELECT ref, insurer,
           COALESCE((SELECT array_agg(DISTINCT p.person_ref ORDER BY p.person_ref)
                     FROM (SELECT l.person_ref FROM rights.lookup AS l WHERE l.lookup_key = designated
                           UNION SELECT k.person_ref FROM identity.person_key AS k WHERE k.person_key = designated) AS found
                     JOIN identity.person AS p ON p.person_ref = found.person_ref AND p.insurer_id = insurer), '{}'),
           why, words, accounts.my_actor();
END $$;
REVOKE EXECUTE ON FUNCTION accounts.ask_inquiry FROM PUBLIC;

-- ---------------------------------------------------------------- the second person

CREATE FUNCTION accounts.guard_inquiry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user <> 'rempart_portals' THEN
        RETURN NEW;
    END IF;
    IF OLD.state = 'asked' AND NEW.state = 'approved' AND NOT accounts.stand_apart(
            OLD.asked_by, NEW.decided_by, accounts.my_org(), '{operator_admin,operator_security,operator_dpo}',
            OLD.asked_at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'these two people do not count as two';
    END IF;
    IF OLD.state = 'asked' AND NEW.state IN ('approved', 'refused') THEN
        NEW.decided_at := clock_timestamp();
    ELSIF TG_TABLE_NAME = 'display_hold' AND OLD.state = 'approved' AND NEW.state = 'lifted' THEN
        NEW.lifted_at := clock_timestamp();
    ELSE
        RAISE insufficient_privilege USING MESSAGE = 'this was decided already';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION accounts.guard_inquiry FROM PUBLIC;
CREATE TRIGGER guard BEFORE UPDATE ON accounts.inquiry FOR EACH ROW EXECUTE FUNCTION accounts.guard_inquiry();
CREATE TRIGGER guard BEFORE UPDATE ON accounts.display_hold FOR EACH ROW EXECUTE FUNCTION accounts.guard_inquiry();

ALTER TABLE accounts.display_hold ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts.inquiry ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON accounts.display_hold TO rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY for_everybody ON accounts.inquiry TO rempart_plane_accounts USING (true) WITH CHECK (true);
CREATE POLICY readable ON accounts.inquiry FOR SELECT TO rempart_auditor USING (true);
CREATE POLICY seen ON accounts.display_hold FOR SELECT TO rempart_portals USING ((SELECT accounts.inquires()));
CREATE POLICY added ON accounts.display_hold FOR INSERT TO rempart_portals
    WITH CHECK ((SELECT accounts.inquires()) AND asked_by = (SELECT accounts.my_actor()) AND state = 'asked');
CREATE POLICY changed ON accounts.display_hold FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.inquires()))
    WITH CHECK ((SELECT accounts.my_actor()) IN (decided_by, lifted_by));
CREATE POLICY seen ON accounts.inquiry FOR SELECT TO rempart_portals USING ((SELECT accounts.inquires()));
CREATE POLICY changed ON accounts.inquiry FOR UPDATE TO rempart_portals
    USING ((SELECT accounts.inquires())) WITH CHECK (decided_by = (SELECT accounts.my_actor()));

-- ---------------------------------------------------------------- who saw somebody, in words

-- Entries about some people, with the names that people read: the organisation of a professional, never an agent of the
-- operator. `reader`: professional, insurer, operator, or self (the person, through their own account). `cold`: rows that
-- the caller read in the files of sealed segments; those of other people, or of segments that are not cold, are left out.
CREATE FUNCTION ledger.tell_history(persons bigint[], insurer integer, cold jsonb)
    RETURNS TABLE (log_id smallint, idx bigint, kind smallint, t_ms bigint, account_ref bigint, session_ref bigint,
                   insurer_name text, purpose smallint, mode smallint, domain smallint, care_day integer, outcome smallint,
                   fields bigint, schema_version smallint, reader text, organisation text, city text, profession text,
                   software text, question text, stated_purpose text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.log_id, e.idx, e.kind, e.t_ms, e.account_ref, e.session_ref, i.name, e.purpose, e.mode, e.domain, e.care_day,
           e.outcome, e.fields, e.schema_version, who.reader,
           CASE who.reader WHEN 'professional' THEN COALESCE(place.name, org.name, p.display_name, '')
                           WHEN 'insurer' THEN org.name ELSE '' END,
           CASE who.reader WHEN 'professional' THEN COALESCE(place.city, '') ELSE '' END,
           CASE who.reader WHEN 'professional' THEN COALESCE(p.profession, '') ELSE '' END,
           CASE who.reader WHEN 'professional' THEN COALESCE(w.label, '') ELSE '' END,
           COALESCE(said.body->>'question', ''), COALESCE(said.body->>'purpose', '')
    FROM (
        SELECT hot.log_id, hot.idx, hot.kind, hot.t_ms, hot.account_ref, hot.session_ref, hot.person_ref, hot.insurer_id,
               hot.purpose, hot.mode, hot.domain, hot.care_day, hot.outcome, hot.fields, hot.schema_version
        FROM ledger.entry AS hot
        WHERE hot.person_ref = ANY (persons) AND hot.person_ref <> 0 AND hot.insurer_id = insurer AND hot.kind IN (1, 4)
        UNION ALL
        SELECT filed.* FROM jsonb_to_recordset(cold) AS filed (
            log_id smallint, idx bigint, kind smallint, t_ms bigint, account_ref bigint, session_ref bigint,
            person_ref bigint, insurer_id integer, purpose smallint, mode smallint, domain smallint, care_day integer,
            outcome smallint, fields bigint, schema_version smallint)
        JOIN ledger.log AS l ON l.log_id = filed.log_id
        JOIN ledger.segment AS g
            ON g.log_id = filed.log_id AND g.segment = filed.idx >> l.segment_bits AND g.state = 'cold'
        WHERE filed.person_ref = ANY (persons) AND filed.person_ref <> 0 AND filed.insurer_id = insurer
          AND filed.kind IN (1, 4)
    ) AS e
    JOIN rights.insurer AS i ON i.insurer_id = e.insurer_id
    LEFT JOIN accounts.professional AS p ON p.account_ref = e.account_ref
    LEFT JOIN LATERAL (
        SELECT o.name, o.kind, o.establishment_ref FROM accounts.membership AS m
        JOIN accounts.organisation AS o USING (org_ref)
        WHERE m.actor_ref = e.account_ref AND e.account_ref <> 0 ORDER BY m.starts_on DESC, m.membership_ref LIMIT 1
    ) AS org ON true
    LEFT JOIN accounts.establishment AS place
        ON place.establishment_ref = COALESCE(p.establishment_ref, org.establishment_ref)
    LEFT JOIN ledger.session AS s ON e.kind = 1 AND s.session_ref = e.session_ref
    LEFT JOIN accounts.software AS w ON w.client_ref = s.client_ref
    LEFT JOIN LATERAL (
        SELECT t.body::jsonb AS body FROM ledger.statement AS t
        WHERE e.kind = 4 AND t.log_id = e.log_id AND t.idx = e.idx
    ) AS said ON true
    CROSS JOIN LATERAL (SELECT CASE
        WHEN e.kind = 1 THEN 'professional'
        WHEN EXISTS (SELECT 1 FROM accounts.member AS m WHERE m.actor_ref = e.account_ref
                       AND m.person_ref = e.person_ref AND m.insurer_id = e.insurer_id) THEN 'self'
        WHEN org.kind = 'insurer' THEN 'insurer'
        ELSE 'operator' END AS reader) AS who
$$;
REVOKE EXECUTE ON FUNCTION ledger.tell_history FROM PUBLIC;

-- What the visitor, a member, is shown of the ledger about themselves, rows of files included.
CREATE FUNCTION ledger.my_history(cold jsonb DEFAULT '[]') RETURNS TABLE (
        log_id smallint, idx bigint, kind smallint, t_ms bigint, insurer_name text, purpose smallint, mode smallint,
        domain smallint, care_day integer, outcome smallint, fields bigint, schema_version smallint, reader text,
        organisation text, city text, profession text, software text, question text, stated_purpose text, is_this_visit boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.log_id, h.idx, h.kind, h.t_ms, h.insurer_name, h.purpose, h.mode, h.domain, h.care_day, h.outcome, h.fields,
           h.schema_version, h.reader, h.organisation, h.city, h.profession, h.software, h.question, h.stated_purpose,
           h.session_ref = accounts.my_session()
    FROM ledger.tell_history(ARRAY[accounts.my_person()], accounts.my_insurer(), cold) AS h
    WHERE NOT ledger.is_held(h.account_ref, h.t_ms)
$$;
REVOKE EXECUTE ON FUNCTION ledger.my_history FROM PUBLIC;

-- The answer to an inquiry that was approved less than seven days ago (parameter of accounts/inquiries.py; a test compares).
CREATE FUNCTION ledger.inquiry_history(inquiry bigint) RETURNS TABLE (
        log_id smallint, idx bigint, kind smallint, t_ms bigint, insurer_name text, purpose smallint, mode smallint,
        domain smallint, care_day integer, outcome smallint, fields bigint, schema_version smallint, reader text,
        organisation text, city text, profession text, software text, question text, stated_purpose text, account_ref bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.log_id, h.idx, h.kind, h.t_ms, h.insurer_name, h.purpose, h.mode, h.domain, h.care_day, h.outcome, h.fields,
           h.schema_version, h.reader, h.organisation, h.city, h.profession, h.software, h.question, h.stated_purpose,
           h.account_ref
    FROM accounts.inquiry AS q
    CROSS JOIN LATERAL ledger.tell_history(q.person_refs, q.insurer_id, '[]') AS h
    WHERE q.inquiry_ref = inquiry AND q.state = 'approved' AND q.decided_at > clock_timestamp() - interval '7 days'
      AND accounts.inquires()
$$;
REVOKE EXECUTE ON FUNCTION ledger.inquiry_history FROM PUBLIC;

-- Whom an approved inquiry is about: for the act that its reading writes.
CREATE FUNCTION ledger.inquiry_subjects(inquiry bigint) RETURNS SETOF bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT unnest(q.person_refs) FROM accounts.inquiry AS q
    WHERE q.inquiry_ref = inquiry AND q.state = 'approved' AND q.decided_at > clock_timestamp() - interval '7 days'
      AND accounts.inquires()
$$;
REVOKE EXECUTE ON FUNCTION ledger.inquiry_subjects FROM PUBLIC;

-- A person's own rows, for whatever page reads them: answers about them and readings of those, unless held back.
ALTER POLICY seen ON ledger.entry
    USING ((SELECT accounts.is_host()) OR account_ref = (SELECT accounts.my_actor())
           OR insurer_id = ANY ((SELECT accounts.my_insurers())::integer[])
           OR ((person_ref = (SELECT accounts.my_person()) AND insurer_id = (SELECT accounts.my_insurer())
                AND kind IN (1, 4)) IS TRUE
               AND NOT ledger.is_held(account_ref, t_ms)));

-- ---------------------------------------------------------------- one entry opened for the person it is about

-- RFC 2104: the key of an HMAC, xored with a constant and padded to the block.
CREATE FUNCTION ledger.mask_key(key bytea, mask integer, block integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(set_byte('\x00'::bytea, 0, get_byte(key, i) # mask), ''::bytea ORDER BY i)
           || decode(repeat(lpad(to_hex(mask), 2, '0'), block - length(key)), 'hex')
    FROM generate_series(0, length(key) - 1) AS i
$$;
REVOKE EXECUTE ON FUNCTION ledger.mask_key FROM PUBLIC;

-- Who and what with their own salts, whom as its commitment: what disclosure/opening.py opens for a member. The salt of
-- the entry stays here.
CREATE FUNCTION ledger.open_my_entry(log smallint, entry_idx bigint)
    RETURNS TABLE (kind smallint, t_ms bigint, who_salt bytea, account_ref bigint, session_ref bigint, acct_seq bigint,
                   whom_commitment bytea, what_salt bytea, purpose smallint, mode smallint, domain smallint, care_day integer,
                   outcome smallint, fields bigint, schema_version smallint, data_version bigint, request_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.kind, e.t_ms, substring(salts.stream FROM 1 FOR 16), e.account_ref, e.session_ref, e.acct_seq,
           sha256(ledger.mask_key(substring(salts.stream FROM 17 FOR 16), 92, 64)
                  || sha256(ledger.mask_key(substring(salts.stream FROM 17 FOR 16), 54, 64)
                            || int8send(e.person_ref) || int4send(e.insurer_id) || int8send(e.ins_seq)
                            || uuid_send(e.lookup_key))),
           substring(salts.stream FROM 33 FOR 16), e.purpose, e.mode, e.domain, e.care_day, e.outcome, e.fields,
           e.schema_version, e.data_version, e.request_id
    FROM ledger.entry AS e
    CROSS JOIN LATERAL (
        SELECT sha512(ledger.mask_key(e.salt, 92, 128)
                      || sha512(ledger.mask_key(e.salt, 54, 128) || 'rempart ledger v1 salts'::bytea)) AS stream
    ) AS salts
    WHERE e.log_id = log AND e.idx = entry_idx AND e.kind IN (1, 4)
      AND e.person_ref = accounts.my_person() AND e.insurer_id = accounts.my_insurer()
      AND NOT ledger.is_held(e.account_ref, e.t_ms)
$$;
REVOKE EXECUTE ON FUNCTION ledger.open_my_entry FROM PUBLIC;

-- ---------------------------------------------------------------- grants

GRANT SELECT, INSERT, UPDATE ON accounts.display_hold, accounts.inquiry TO rempart_plane_accounts;
GRANT USAGE ON SCHEMA accounts TO rempart_auditor;
-- Not the reason: it is free text, and the command line needs to know only that two people agreed, to what.
GRANT SELECT (inquiry_ref, insurer_id, person_refs, purpose, state, asked_by, decided_by, decided_at)
    ON accounts.inquiry TO rempart_auditor;
GRANT SELECT ON accounts.display_hold TO rempart_portals;
GRANT SELECT (inquiry_ref, insurer_id, purpose, reason, asked_by, asked_at, state, decided_by, decided_at)
    ON accounts.inquiry TO rempart_portals;
GRANT INSERT (hold_ref, authority, reference, account_refs, from_ms, to_ms, ends_at, asked_by) ON accounts.display_hold
    TO rempart_portals;
GRANT UPDATE (state, decided_by, lifted_by) ON accounts.display_hold TO rempart_portals;
GRANT UPDATE (state, decided_by) ON accounts.inquiry TO rempart_portals;
GRANT EXECUTE ON FUNCTION ledger.is_held, ledger.my_history, ledger.inquiry_history, ledger.inquiry_subjects, ledger.open_my_entry,
    accounts.inquires, accounts.ask_inquiry TO rempart_portals;
-- The tree, for proofs: hashes only. And which parts of it are not in the database any more.
GRANT SELECT ON ledger.tile, ledger.edge, ledger.cosignature TO rempart_portals;
-- With the names of their files: a person's page reads there what left the database.
GRANT SELECT (log_id, segment, state, first_ms, last_ms, by_account_name, by_person_name) ON ledger.segment TO rempart_portals;
