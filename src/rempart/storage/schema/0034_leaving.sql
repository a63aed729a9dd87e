-- How data leave: what a run looks at, and the two doors by which a field goes out, to the archive or for ever. Both act for the owner,
-- so that the keeper deletes nothing by itself: the first asks for a line of a run under way whose sealed copy is there, the second for
-- a purge that was said and is in the journal (0033). Reasons: docs/adr/0043-retention.md.

CREATE INDEX person_key_of_person ON identity.person_key (person_ref);
CREATE INDEX member_of_person ON accounts.member (person_ref);
CREATE INDEX preference_of_person ON notices.preference (person_ref);

-- ---------------------------------------------------------------- what a run looks at

-- Persons, what their periods count from, and which of their fields are where.
CREATE FUNCTION retention.read_people(persons bigint[])
    RETURNS TABLE (person_ref bigint, insurer_id integer, contract_end date, last_payment date, changed_in bigint, gone text[],
                   has_identity boolean, has_coverage boolean, has_card boolean, has_account boolean, archived text[], waits boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT one.person_ref,
           COALESCE(p.insurer_id, l.insurer_id, sheet.insurer_id),
           -- Not known yet when a contract has no last day.
           NULLIF(greatest(sheet.ends_on, l.contract_end, ported.ends_on), 'infinity'),
           greatest(paid.day, l.last_payment),
           COALESCE(p.changed_in, 0),
           CASE WHEN p.changed_in IS NOT DISTINCT FROM l.changed_in THEN COALESCE(l.gone, '{}') ELSE '{}' END,
           p.person_ref IS NOT NULL,
           sheet.person_ref IS NOT NULL,
           EXISTS (SELECT FROM rights.card_key AS k WHERE k.person_ref = one.person_ref)
               OR EXISTS (SELECT FROM rights.code_secret AS k WHERE k.person_ref = one.person_ref),
           EXISTS (SELECT FROM accounts.member AS m WHERE m.person_ref = one.person_ref),
           ARRAY(SELECT i.field FROM archive.item AS i WHERE i.subject = one.person_ref),
           -- Somebody whom a file being loaded speaks of waits until it is published.
           EXISTS (SELECT FROM identity.pending_person AS w WHERE w.person_ref = one.person_ref)
               OR EXISTS (SELECT FROM identity.seen_in_feed AS w JOIN rights.feed_version AS v USING (feed_version)
                          WHERE w.person_ref = one.person_ref AND v.state = 'pending')
    FROM unnest(persons) AS one (person_ref)
    LEFT JOIN identity.person AS p ON p.person_ref = one.person_ref
    LEFT JOIN retention.life AS l ON l.person_ref = one.person_ref
    LEFT JOIN LATERAL (
        SELECT c.person_ref, min(c.insurer_id) AS insurer_id, max(day) AS ends_on
        FROM (SELECT s.person_ref, s.insurer_id, s.ends_on, s.closed_in FROM rights.coverage AS s WHERE s.person_ref = one.person_ref
              UNION ALL SELECT s.person_ref, s.insurer_id, s.ends_on, s.closed_in FROM rights.past_coverage AS s
              WHERE s.person_ref = one.person_ref) AS c
        CROSS JOIN LATERAL unnest(c.ends_on) AS day
        WHERE c.closed_in = 9223372036854775807
        GROUP BY c.person_ref) AS sheet ON true
    LEFT JOIN LATERAL (
        SELECT max(e.ends_on) AS ends_on FROM retention.event AS e
        WHERE e.person_ref = one.person_ref AND e.kind = 'portability') AS ported ON true
    LEFT JOIN LATERAL (
        SELECT max((c.state_at AT TIME ZONE 'Europe/Paris')::date) AS day FROM claims.claim AS c
        WHERE c.person_ref = one.person_ref AND c.state = 'paid') AS paid ON true
    WHERE COALESCE(p.person_ref, l.person_ref, sheet.person_ref) IS NOT NULL
$$;

-- The next persons after one, and those of them whose contracts ended by a day: the last of the block, then the persons.
CREATE FUNCTION retention.list_leavers(after bigint, most integer, ended_by date)
    RETURNS TABLE (last_ref bigint, person_refs bigint[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH block AS MATERIALIZED (
        SELECT known.person_ref, known.contract_end FROM (
            (SELECT p.person_ref, NULL::date AS contract_end FROM identity.person AS p
             WHERE p.person_ref > after ORDER BY p.person_ref LIMIT most)
            UNION ALL
            (SELECT l.person_ref, l.contract_end FROM retention.life AS l
             WHERE l.person_ref > after ORDER BY l.person_ref LIMIT most)) AS known
        ORDER BY known.person_ref LIMIT most
    ), ended AS (
        SELECT b.person_ref
        FROM block AS b
        LEFT JOIN LATERAL (
            SELECT max(day) AS day
            FROM (SELECT s.ends_on, s.closed_in FROM rights.coverage AS s WHERE s.person_ref = b.person_ref
                  UNION ALL SELECT s.ends_on, s.closed_in FROM rights.past_coverage AS s WHERE s.person_ref = b.person_ref) AS c
            CROSS JOIN LATERAL unnest(c.ends_on) AS day
            WHERE c.closed_in = 9223372036854775807) AS sheet ON true
        WHERE greatest(sheet.day, b.contract_end) <= ended_by
    )
    SELECT (SELECT max(b.person_ref) FROM block AS b),
           ARRAY(SELECT DISTINCT e.person_ref FROM ended AS e ORDER BY e.person_ref)
    WHERE EXISTS (SELECT FROM block)
$$;

-- Claims that came to their end by a day, or whose care was given by another, after one of them; what is left of each in the active base, and in the archive.
CREATE FUNCTION retention.list_claims(after bigint, most integer, settled_by date, given_by date, only_these bigint[])
    RETURNS TABLE (subject bigint, person_ref bigint, insurer_id integer, settled_on date, care_on date, active text[], archived text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.claim_ref, c.person_ref, c.insurer_id,
           greatest((c.state_at AT TIME ZONE 'Europe/Paris')::date, c.last_care_on), c.last_care_on,
           ARRAY['payment'] || CASE WHEN c.born <> '00000000' THEN ARRAY['care'] ELSE '{}' END
               || CASE WHEN EXISTS (SELECT FROM claims.use AS u WHERE u.claim_ref = c.claim_ref) THEN ARRAY['limits'] ELSE '{}' END,
           ARRAY(SELECT i.field FROM archive.item AS i WHERE i.subject = c.claim_ref)
    FROM claims.claim AS c
    WHERE c.claim_ref > after AND (only_these IS NULL OR c.claim_ref = ANY (only_these))
      AND (c.state IN ('rejected', 'paid', 'cancelled', 'undone') OR (c.state = 'adjudicated' AND c.amc_cents = 0))
      AND (c.last_care_on <= given_by OR greatest((c.state_at AT TIME ZONE 'Europe/Paris')::date, c.last_care_on) <= settled_by)
    ORDER BY c.claim_ref LIMIT most
$$;

-- A promise's reference: its place in the ledger as one number.
CREATE FUNCTION retention.list_promises(after bigint, most integer, settled_by date, only_these bigint[])
    RETURNS TABLE (subject bigint, person_ref bigint, insurer_id integer, settled_on date, care_on date, active text[], archived text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (p.log_id::bigint << 48) | p.idx, p.person_ref, p.insurer_id,
           greatest((p.state_at AT TIME ZONE 'Europe/Paris')::date, p.expires_on), p.care_on, ARRAY['promise'], '{}'::text[]
    FROM claims.pec AS p
    WHERE (p.log_id, p.idx) > ((after >> 48)::smallint, after & 281474976710655)
      AND (only_these IS NULL OR ((p.log_id::bigint << 48) | p.idx) = ANY (only_these))
      AND p.state <> 'agreed' AND greatest((p.state_at AT TIME ZONE 'Europe/Paris')::date, p.expires_on) <= settled_by
    ORDER BY p.log_id, p.idx LIMIT most
$$;

-- Claims of which only the archive holds something.
CREATE FUNCTION retention.list_archived(after bigint, most integer, only_these bigint[])
    RETURNS TABLE (subject bigint, person_ref bigint, insurer_id integer, settled_on date, care_on date, active text[], archived text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.subject, min(i.person_ref), min(i.insurer_id), max(i.settled_on), max(i.care_on), '{}'::text[], array_agg(i.field)
    FROM archive.item AS i
    WHERE i.subject > after AND (only_these IS NULL OR i.subject = ANY (only_these)) AND i.settled_on IS NOT NULL
      AND NOT EXISTS (SELECT FROM claims.claim AS c WHERE c.claim_ref = i.subject)
    GROUP BY i.subject ORDER BY i.subject LIMIT most
$$;

-- What holds data of these persons: holds of data, and windows of evidence in which they were looked up, or which an incident of theirs
-- opened. Openings that left the database are not looked at: then a window keeps everybody it may be about.
CREATE FUNCTION retention.list_holds_of(persons bigint[])
    RETURNS TABLE (person_ref bigint, name text, fields text[], since timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT one.person_ref, h.kind || ' ' || h.hold_ref, h.fields, h.placed_at
    FROM retention.data_hold AS h CROSS JOIN LATERAL unnest(h.person_refs) AS one (person_ref)
    WHERE h.released_at IS NULL AND h.person_refs && persons AND one.person_ref = ANY (persons)
    UNION ALL
    SELECT DISTINCT one.person_ref, 'evidence ' || h.hold_ref, '{}'::text[], h.placed_at
    FROM retention.hold AS h CROSS JOIN unnest(persons) AS one (person_ref)
    WHERE h.released_at IS NULL AND NOT h.exercise AND one.person_ref <> 0 AND (
        EXISTS (SELECT FROM ledger.entry AS e
                WHERE e.person_ref = one.person_ref AND e.t_ms >= h.from_ms AND e.t_ms < h.to_ms
                  AND (h.account_refs = '{}' OR e.account_ref = ANY (h.account_refs))
                  AND (h.insurer_ids = '{}' OR e.insurer_id = ANY (h.insurer_ids)))
        OR EXISTS (SELECT FROM incidents.exposed_person AS x
                   WHERE x.incident_id = h.incident_id AND x.person_ref = one.person_ref)
        OR EXISTS (SELECT FROM ledger.segment AS s
                   WHERE s.state = 'cold' AND s.first_ms < h.to_ms AND h.from_ms <= s.last_ms))
$$;

-- Every key persons are or were known by.
CREATE FUNCTION retention.read_keys(persons bigint[]) RETURNS TABLE (person_ref bigint, keys uuid[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.person_ref, ARRAY(SELECT unnest(p.lookup_keys)
                               UNION SELECT k.person_key FROM identity.person_key AS k WHERE k.person_ref = p.person_ref)
    FROM identity.person AS p WHERE p.person_ref = ANY (persons)
$$;

-- What is sealed into the archive of a field, as JSON.
CREATE FUNCTION retention.read_values(of_field text, subjects bigint[])
    RETURNS TABLE (subject bigint, person_ref bigint, insurer_id integer, settled_on date, care_on date, value text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.person_ref, s.person_ref, min(s.insurer_id), NULL::date, NULL::date,
           jsonb_agg(to_jsonb(s) - 'person_ref' ORDER BY s.opened_in)::text
    FROM (SELECT * FROM rights.coverage AS c WHERE c.person_ref = ANY (subjects)
          UNION ALL SELECT * FROM rights.past_coverage AS c WHERE c.person_ref = ANY (subjects)) AS s
    WHERE of_field = 'coverage' GROUP BY s.person_ref
    UNION ALL
    SELECT c.claim_ref, c.person_ref, c.insurer_id, greatest((c.state_at AT TIME ZONE 'Europe/Paris')::date, c.last_care_on),
           c.last_care_on,
           CASE of_field WHEN 'payment' THEN jsonb_build_object(
               'establishment', c.establishment_ref, 'invoice', c.invoice, 'state', c.state, 'state_at', c.state_at,
               'first_care_on', c.first_care_on, 'last_care_on', c.last_care_on, 'billed', c.billed_cents, 'amo', c.amo_cents,
               'amc', c.amc_cents, 'parts', (
                   SELECT COALESCE(jsonb_agg(jsonb_build_object('part', p.part_ref, 'insurer', p.insurer_id, 'cents', p.cents)
                                             ORDER BY p.part_ref), '[]')
                   FROM claims.part AS p WHERE p.claim_ref = c.claim_ref))
           ELSE (SELECT jsonb_build_object('born', c.born, 'lines', jsonb_agg(jsonb_build_object(
                     'number', n.number, 'act', n.act, 'care_on', n.care_on, 'quantity', n.quantity, 'steps', n.steps)
                     ORDER BY n.number)) FROM claims.line AS n WHERE n.claim_ref = c.claim_ref)
           END::text
    FROM claims.claim AS c
    WHERE of_field IN ('payment', 'care') AND c.claim_ref = ANY (subjects) AND (of_field = 'payment' OR c.born <> '00000000')
$$;

-- An import and a piece of a run take turns.
CREATE FUNCTION retention.lock_insurers(ids integer[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.insurer_id FROM rights.insurer AS i WHERE i.insurer_id = ANY (ids) ORDER BY i.insurer_id FOR NO KEY UPDATE
$$;

-- ---------------------------------------------------------------- what takes rows out

-- Not for itself: see archive_fields and purge_fields. Idempotent: what is not there is gone already.
CREATE FUNCTION retention.take_out(of_field text, subjects bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone    bigint := 0;
    actors  bigint[];
    serials bytea[];
BEGIN
    CASE of_field
    WHEN 'civil', 'numbers' THEN
        NULL;   -- parts of the sealed identity: the keeper seals it again without them
    WHEN 'contact' THEN
        DELETE FROM notices.preference AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM notices.contact AS x WHERE x.person_ref = ANY (subjects);
    WHEN 'nir' THEN
        DELETE FROM identity.person_key AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM rights.lookup AS x USING identity.person AS p
        WHERE p.person_ref = ANY (subjects) AND x.lookup_key = ANY (p.lookup_keys) AND x.person_ref = p.person_ref;
        UPDATE identity.person AS x SET lookup_keys = '{}' WHERE x.person_ref = ANY (subjects);
    WHEN 'coverage' THEN
        DELETE FROM rights.coverage AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM rights.past_coverage AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM claims.outside_use AS x WHERE x.person_ref = ANY (subjects);
    WHEN 'card' THEN
        serials := ARRAY(SELECT c.serial FROM rights.card AS c WHERE c.holder_ref = ANY (subjects));
        DELETE FROM rights.lookup AS x USING rights.card_key AS k
        WHERE (k.person_ref = ANY (subjects) OR k.serial = ANY (serials)) AND x.lookup_key = k.presence_key;
        DELETE FROM rights.card_key AS x WHERE x.person_ref = ANY (subjects) OR x.serial = ANY (serials);
        DELETE FROM rights.card_print AS x WHERE x.serial = ANY (serials) OR x.person_ref = ANY (subjects);
        DELETE FROM rights.card_order AS x WHERE x.person_ref = ANY (subjects) OR x.serial = ANY (serials);
        DELETE FROM rights.card AS x WHERE x.serial = ANY (serials);
        DELETE FROM rights.card_attachment AS x WHERE x.person_ref = ANY (subjects) OR x.holder_ref = ANY (subjects);
        DELETE FROM rights.card_work AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM rights.card_large_print AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM rights.code_secret AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM rights.code_used AS x WHERE x.person_ref = ANY (subjects);
    WHEN 'account' THEN
        actors := ARRAY(SELECT m.actor_ref FROM accounts.member AS m WHERE m.person_ref = ANY (subjects));
        DELETE FROM accounts.warning AS x USING accounts.contact AS c WHERE x.contact_ref = c.contact_ref AND c.actor_ref = ANY (actors);
        DELETE FROM accounts.contact AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM accounts.contact_request AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM accounts.invitation AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM accounts.recovery_request AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM accounts.provider_identity AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM accounts.passkey AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM accounts.session AS x WHERE x.actor_ref = ANY (actors);
        DELETE FROM notices.suspicious AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM rights.member_file AS x WHERE x.person_ref = ANY (subjects);
        DELETE FROM accounts.member AS x WHERE x.person_ref = ANY (subjects);
        -- Its number stays in events of security, which name nobody any more.
        UPDATE accounts.actor AS x SET display_name = '–', suspended_at = COALESCE(x.suspended_at, clock_timestamp())
        WHERE x.actor_ref = ANY (actors) AND x.kind = 'member';
    WHEN 'care' THEN
        UPDATE claims.part AS x SET benefit = '', steps = '[]' WHERE x.claim_ref = ANY (subjects);
        UPDATE claims.line AS x SET act = '', basket = NULL, equipment = NULL, correction = NULL, exoneration = NULL, steps = '[]'
        WHERE x.claim_ref = ANY (subjects);
        UPDATE claims.claim AS x SET born = '00000000', findings = '[]' WHERE x.claim_ref = ANY (subjects);
    WHEN 'limits' THEN
        DELETE FROM claims.use AS x WHERE x.claim_ref = ANY (subjects);
    WHEN 'payment' THEN
        PERFORM retention.take_out('limits', subjects);
        DELETE FROM claims.dispute AS x WHERE x.claim_ref = ANY (subjects);
        DELETE FROM claims.exposure_flag AS x WHERE x.claim_ref = ANY (subjects);
        DELETE FROM claims.cancel_request AS x WHERE x.claim_ref = ANY (subjects);
        DELETE FROM claims.hold AS x WHERE x.claim_ref = ANY (subjects);
        DELETE FROM claims.claim_event AS x WHERE x.claim_ref = ANY (subjects);
        DELETE FROM claims.engagement_use AS x WHERE x.claim_ref = ANY (subjects);
        PERFORM retention.take_out('promise', ARRAY(
            SELECT (p.log_id::bigint << 48) | p.idx FROM claims.pec AS p WHERE p.claim_ref = ANY (subjects)));
        DELETE FROM claims.due AS x USING claims.part AS p WHERE x.part_ref = p.part_ref AND p.claim_ref = ANY (subjects);
        DELETE FROM claims.part AS x WHERE x.claim_ref = ANY (subjects);
        DELETE FROM claims.line AS x WHERE x.claim_ref = ANY (subjects);
        UPDATE claims.claim AS x SET replaces = NULL WHERE x.replaces = ANY (subjects);
        DELETE FROM claims.claim AS x WHERE x.claim_ref = ANY (subjects);
    WHEN 'promise' THEN
        UPDATE claims.pec AS x SET replaces_log = NULL, replaces_idx = NULL
        WHERE ((x.replaces_log::bigint << 48) | x.replaces_idx) = ANY (subjects);
        DELETE FROM claims.pec AS x USING unnest(subjects) AS one (ref)
        WHERE x.log_id = (one.ref >> 48)::smallint AND x.idx = one.ref & 281474976710655;
    END CASE;
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF of_field IN ('civil', 'nir', 'numbers', 'contact') THEN
        UPDATE retention.life AS x SET gone = CASE WHEN of_field = ANY (x.gone) THEN x.gone ELSE x.gone || of_field END
        WHERE x.person_ref = ANY (subjects);
        DELETE FROM identity.person AS x USING retention.life AS l
        WHERE l.person_ref = x.person_ref AND x.person_ref = ANY (subjects) AND l.gone @> '{civil,nir,numbers,contact}';
    END IF;
    RETURN gone;
END $$;

-- The first door: to the archive. Each is a line of a run under way, and its sealed copy is there.
CREATE FUNCTION retention.archive_fields(run bigint, of_field text, subjects bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(subjects) AS one (ref)
        WHERE NOT EXISTS (SELECT FROM retention.item AS i JOIN retention.run AS r USING (run_id)
                          WHERE i.run_id = run AND r.state = 'running' AND i.subject = one.ref AND i.field = of_field
                            AND i.step = 'archive' AND i.state = 'due')
           OR NOT EXISTS (SELECT FROM archive.item AS a WHERE a.subject = one.ref AND a.field = of_field)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'no run that was approved archives this, or its sealed copy is missing';
    END IF;
    RETURN retention.take_out(of_field, subjects);
END $$;

-- The second door: for ever. Each is in a purge that was said, and that is in the journal.
CREATE FUNCTION retention.purge_fields(record bigint, of_field text, subjects bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said jsonb;
BEGIN
    PERFORM retention.check_journaled(record);
    SELECT p.body::jsonb->'left'->of_field INTO said FROM retention.purge AS p WHERE p.number = record AND p.kind = 'fields';
    IF said IS NULL OR EXISTS (
        SELECT one.ref FROM unnest(subjects) AS one (ref)
        EXCEPT SELECT (line->>2)::bigint FROM jsonb_array_elements(said) AS line) THEN
        RAISE insufficient_privilege USING MESSAGE = 'no purge that was said erases this';
    END IF;
    DELETE FROM archive.item AS x WHERE x.field = of_field AND x.subject = ANY (subjects);
    RETURN retention.take_out(of_field, subjects);
END $$;

-- Of persons of whom nothing is left, what their periods counted from goes too, with what told of it.
CREATE FUNCTION retention.forget_lives(persons bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM retention.life AS l
    WHERE l.person_ref = ANY (persons)
      AND NOT EXISTS (SELECT FROM identity.person AS x WHERE x.person_ref = l.person_ref)
      AND NOT EXISTS (SELECT FROM rights.coverage AS x WHERE x.person_ref = l.person_ref)
      AND NOT EXISTS (SELECT FROM rights.past_coverage AS x WHERE x.person_ref = l.person_ref)
      AND NOT EXISTS (SELECT FROM rights.card_key AS x WHERE x.person_ref = l.person_ref)
      AND NOT EXISTS (SELECT FROM accounts.member AS x WHERE x.person_ref = l.person_ref)
      AND NOT EXISTS (SELECT FROM archive.item AS x WHERE x.subject = l.person_ref);
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM retention.event AS e
    WHERE e.person_ref = ANY (persons) AND NOT EXISTS (SELECT FROM retention.life AS l WHERE l.person_ref = e.person_ref)
      AND NOT EXISTS (SELECT FROM identity.person AS x WHERE x.person_ref = e.person_ref);
    RETURN gone;
END $$;

REVOKE EXECUTE ON FUNCTION retention.read_people, retention.list_leavers, retention.list_claims, retention.list_promises,
    retention.list_archived, retention.list_holds_of, retention.read_keys, retention.read_values, retention.take_out,
    retention.lock_insurers,
    retention.archive_fields, retention.purge_fields, retention.forget_lives FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.read_people, retention.list_leavers, retention.list_claims, retention.list_promises,
    retention.list_archived, retention.list_holds_of, retention.read_keys, retention.read_values,
    retention.lock_insurers, retention.archive_fields, retention.purge_fields, retention.forget_lives TO rempart_keeper;

-- ---------------------------------------------------------------- what a member is told of their own

-- What is kept of the visitor, and what its periods count from; how many of their claims, and when the first and the last ended.
CREATE FUNCTION retention.read_mine()
    RETURNS TABLE (insurer_id integer, contract_end date, last_payment date, gone text[], has_identity boolean, has_coverage boolean,
                   has_card boolean, has_account boolean, archived text[], claims bigint, oldest_on date, latest_on date, held boolean,
                   restricted boolean, kinds text[], starts date[], ends date[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.insurer_id, p.contract_end, p.last_payment, p.gone, p.has_identity, p.has_coverage, p.has_card, p.has_account, p.archived,
           bills.n, bills.oldest, bills.latest,
           EXISTS (SELECT FROM retention.list_holds_of(ARRAY[p.person_ref]) AS h WHERE h.name NOT LIKE 'restriction %'),
           EXISTS (SELECT FROM retention.list_holds_of(ARRAY[p.person_ref]) AS h WHERE h.name LIKE 'restriction %'),
           moved.kinds, moved.starts, moved.ends
    FROM retention.read_people(ARRAY[accounts.my_person()]) AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, min(greatest((c.state_at AT TIME ZONE 'Europe/Paris')::date, c.last_care_on)) AS oldest,
               max(greatest((c.state_at AT TIME ZONE 'Europe/Paris')::date, c.last_care_on)) AS latest
        FROM claims.claim AS c WHERE c.person_ref = p.person_ref) AS bills
    -- What moved their periods: when, never why; the words are the insurer's.
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(e.kind ORDER BY e.event_ref), '{}') AS kinds,
               COALESCE(array_agg(e.starts_on ORDER BY e.event_ref), '{}') AS starts,
               COALESCE(array_agg(e.ends_on ORDER BY e.event_ref), '{}') AS ends
        FROM retention.event AS e WHERE e.person_ref = p.person_ref) AS moved
$$;
REVOKE EXECUTE ON FUNCTION retention.read_mine FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.read_mine TO rempart_portals;

-- The same of whoever made a request, for those of their insurer who answer it: what periods count from, where fields are, what holds them.
CREATE FUNCTION retention.read_asker(request bigint)
    RETURNS TABLE (contract_end date, last_payment date, active text[], archived text[], held_by text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.contract_end, p.last_payment,
           ARRAY(SELECT unnest(CASE WHEN p.has_identity THEN '{civil,nir,numbers,contact}'::text[] END) EXCEPT SELECT unnest(p.gone))
               || CASE WHEN p.has_coverage THEN '{coverage}' ELSE '{}' END::text[]
               || CASE WHEN p.has_card THEN '{card}' ELSE '{}' END::text[]
               || CASE WHEN p.has_account THEN '{account}' ELSE '{}' END::text[],
           p.archived, ARRAY(SELECT h.name FROM retention.list_holds_of(ARRAY[p.person_ref]) AS h ORDER BY h.since, h.name)
    FROM retention.request AS q CROSS JOIN LATERAL retention.read_people(ARRAY[q.person_ref]) AS p
    WHERE q.request_ref = request AND accounts.answers_for_members() AND q.insurer_id = accounts.my_insurer()
$$;
REVOKE EXECUTE ON FUNCTION retention.read_asker FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.read_asker TO rempart_portals;

-- The schedule in force, for whoever is told until when something is kept: it names nobody.
CREATE FUNCTION retention.read_schedule() RETURNS TABLE (content text, decided_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.content, s.decided_at FROM retention.schedule AS s WHERE s.state = 'approved'
    ORDER BY s.decided_at DESC, s.schedule_ref LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION retention.read_schedule FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.read_schedule TO rempart_portals, rempart_plane_retention;

-- "Were you in the base that day?": what left of whom is known by these digests, and when. No reference comes with it.
CREATE FUNCTION retention.find_gone(digests uuid[]) RETURNS TABLE (insurer_id integer, field text, step text, day date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.insurer_id, g.field, g.step, g.day
    FROM retention.gone AS g
    WHERE (g.insurer_id, g.person_ref) IN (SELECT k.insurer_id, k.person_ref FROM retention.gone AS k WHERE k.known_by && digests)
    ORDER BY g.day, g.number
$$;
REVOKE EXECUTE ON FUNCTION retention.find_gone FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.find_gone TO rempart_keeper;

-- The same as leaves of certificates, and only what was of the person: whether they could still be shown on a day. Who asks has the
-- person's numbers; who keeps the list of an incident cannot ask.
CREATE FUNCTION retention.find_departures(digests uuid[])
    RETURNS TABLE (number bigint, run_id bigint, insurer_id integer, person_ref bigint, field text, subject bigint, step text, day date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.number, g.run_id, g.insurer_id, g.person_ref, g.field, g.subject, g.step, g.day
    FROM retention.gone AS g
    WHERE (g.insurer_id, g.person_ref) IN (SELECT k.insurer_id, k.person_ref FROM retention.gone AS k WHERE k.known_by && digests)
      AND g.subject = g.person_ref
    ORDER BY g.number
$$;
REVOKE EXECUTE ON FUNCTION retention.find_departures FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retention.find_departures TO rempart_keeper;
