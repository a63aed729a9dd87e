-- What who billed a claim is told of it. A result says whether somebody is covered: it is told when a promise or the person's presence
-- vouches for the biller, when the guard let it be read as it lets a rights check, or with the money. Reasons: docs/adr/0039-a-result-is-a-look-up.md.

ALTER TABLE claims.claim
    ADD COLUMN by_card boolean NOT NULL DEFAULT false,   -- the card's code named the person
    ADD COLUMN vouched boolean NOT NULL DEFAULT false,   -- a promise of ours, or the person was there: written when it is shared out
    ADD COLUMN told_at timestamptz;                      -- when the guard first let its result be read

GRANT UPDATE (vouched) ON claims.claim TO rempart_plane_claims;
GRANT UPDATE (told_at) ON claims.claim TO rempart_gateway;
GRANT SELECT (mode) ON ledger.entry TO rempart_settler;

-- Whether its biller may be told the result of a claim. Until then it is shown as one that waits.
CREATE FUNCTION claims.is_told(c claims.claim) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT c.vouched OR c.told_at IS NOT NULL OR c.state IN ('remitted', 'paid', 'undone')
$$;

-- What its controls said, in the words its biller is told: without a promise or presence, that somebody is unknown and that rights are
-- closed are one thing.
CREATE FUNCTION claims.tell_findings(c claims.claim) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN NOT claims.is_told(c) THEN '[]' WHEN c.vouched OR c.by_card THEN c.findings
                ELSE replace(replace(c.findings::text, '"claim_unknown"', '"claim_not_open"'), '"claim_rights_closed"', '"claim_not_open"')::jsonb
           END
$$;

GRANT EXECUTE ON FUNCTION claims.is_told, claims.tell_findings TO rempart_gateway, rempart_portals, rempart_plane_claims;

-- Whether a visitor of the pages sees a claim as its biller.
CREATE FUNCTION claims.is_biller(establishment_ref bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT session_user = 'rempart_portals' AND establishment_ref IS NOT DISTINCT FROM (SELECT accounts.my_establishment())
$$;
REVOKE EXECUTE ON FUNCTION claims.is_biller FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claims.is_biller TO rempart_portals, rempart_plane_claims;

-- Claims as pages show them: to its biller as far as it may be told, to the others as it is.
CREATE VIEW claims.shown WITH (security_invoker = true) AS
SELECT c.claim_ref, c.establishment_ref, c.channel, c.invoice, c.person_ref, c.insurer_id, c.first_care_on, c.last_care_on, c.billed_cents,
       c.received_at, seen.is_whole,
       CASE WHEN seen.is_whole THEN c.state ELSE 'received' END AS state,
       CASE WHEN seen.is_whole THEN c.state_at ELSE c.received_at END AS state_at,
       CASE WHEN seen.is_whole THEN c.amo_cents END AS amo_cents,
       CASE WHEN seen.is_whole THEN c.amc_cents END AS amc_cents,
       CASE WHEN seen.is_whole THEN c.reste_a_charge_cents END AS reste_a_charge_cents,
       CASE WHEN seen.is_biller THEN claims.tell_findings(c) ELSE c.findings END AS findings
FROM claims.claim AS c
CROSS JOIN LATERAL (SELECT claims.is_biller(c.establishment_ref) AS is_biller OFFSET 0) AS who
CROSS JOIN LATERAL (SELECT who.is_biller, NOT who.is_biller OR claims.is_told(c) AS is_whole OFFSET 0) AS seen;
GRANT SELECT ON claims.shown TO rempart_portals, rempart_plane_claims;

-- Shares and steps are the result: who may not be told sees none.
ALTER POLICY seen ON claims.part
    USING ((SELECT accounts.my_actor()) IS NOT NULL AND claim_ref IN (SELECT s.claim_ref FROM claims.shown AS s WHERE s.is_whole));
ALTER POLICY seen ON claims.claim_event
    USING ((SELECT accounts.my_actor()) IS NOT NULL AND claim_ref IN (SELECT s.claim_ref FROM claims.shown AS s WHERE s.is_whole));
