-- Erasures that were accepted and that something holds, and two readings of what is kept. Reasons: docs/adr/0043-retention.md.

-- An erasure that somebody asked for, of which a hold kept a part: planned again each night, until nothing holds it any more (I16).
CREATE TABLE retention.held_erasure (
    request_ref bigint PRIMARY KEY REFERENCES retention.request,
    since       timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE retention.held_erasure ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON retention.held_erasure TO rempart_plane_retention USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON retention.held_erasure TO rempart_plane_retention;

-- As in 0034, but whoever has an identity and a life is one person of the block: its last one is not cut in two, with the half lost
-- that says when the contract ended.
CREATE OR REPLACE FUNCTION retention.list_leavers(after bigint, most integer, ended_by date)
    RETURNS TABLE (last_ref bigint, person_refs bigint[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH block AS MATERIALIZED (
        SELECT known.person_ref FROM (
            (SELECT p.person_ref FROM identity.person AS p WHERE p.person_ref > after ORDER BY p.person_ref LIMIT most)
            UNION
            (SELECT l.person_ref FROM retention.life AS l WHERE l.person_ref > after ORDER BY l.person_ref LIMIT most)) AS known
        ORDER BY known.person_ref LIMIT most
    ), ended AS (
        SELECT b.person_ref
        FROM block AS b
        LEFT JOIN retention.life AS l USING (person_ref)
        LEFT JOIN LATERAL (
            SELECT max(day) AS day
            FROM (SELECT s.ends_on, s.closed_in FROM rights.coverage AS s WHERE s.person_ref = b.person_ref
                  UNION ALL SELECT s.ends_on, s.closed_in FROM rights.past_coverage AS s WHERE s.person_ref = b.person_ref) AS c
            CROSS JOIN LATERAL unnest(c.ends_on) AS day
            WHERE c.closed_in = 9223372036854775807) AS sheet ON true
        WHERE greatest(sheet.day, l.contract_end) <= ended_by
    )
    SELECT (SELECT max(b.person_ref) FROM block AS b),
           ARRAY(SELECT e.person_ref FROM ended AS e ORDER BY e.person_ref)
    WHERE EXISTS (SELECT FROM block)
$$;

-- As in 0034, with what the archive holds of the visitor's claims: it is kept too.
CREATE OR REPLACE FUNCTION retention.read_mine()
    RETURNS TABLE (insurer_id integer, contract_end date, last_payment date, gone text[], has_identity boolean, has_coverage boolean,
                   has_card boolean, has_account boolean, archived text[], claims bigint, oldest_on date, latest_on date, held boolean,
                   restricted boolean, kinds text[], starts date[], ends date[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.insurer_id, p.contract_end, p.last_payment, p.gone, p.has_identity, p.has_coverage, p.has_card, p.has_account,
           p.archived || ARRAY(SELECT DISTINCT i.field FROM archive.item AS i
                               WHERE i.person_ref = p.person_ref AND i.subject <> p.person_ref),
           bills.n, bills.oldest, bills.latest,
           EXISTS (SELECT FROM retention.list_holds_of(ARRAY[p.person_ref]) AS h WHERE h.name NOT LIKE 'restriction %'),
           EXISTS (SELECT FROM retention.list_holds_of(ARRAY[p.person_ref]) AS h WHERE h.name LIKE 'restriction %'),
           moved.kinds, moved.starts, moved.ends
    FROM retention.read_people(ARRAY[accounts.my_person()]) AS p
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE one.in_base) AS n, min(one.ended_on) AS oldest, max(one.ended_on) AS latest
        FROM (SELECT true AS in_base, greatest((c.state_at AT TIME ZONE 'Europe/Paris')::date, c.last_care_on) AS ended_on
              FROM claims.claim AS c WHERE c.person_ref = p.person_ref
              UNION ALL SELECT false, i.settled_on FROM archive.item AS i
              WHERE i.person_ref = p.person_ref AND i.subject <> p.person_ref) AS one) AS bills
    -- What moved their periods: when, never why; the words are the insurer's.
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(e.kind ORDER BY e.event_ref), '{}') AS kinds,
               COALESCE(array_agg(e.starts_on ORDER BY e.event_ref), '{}') AS starts,
               COALESCE(array_agg(e.ends_on ORDER BY e.event_ref), '{}') AS ends
        FROM retention.event AS e WHERE e.person_ref = p.person_ref) AS moved
$$;
