-- Figures of an insurer, in counts and sums (role portals, under row policies): nobody is in them.

-- name: count_claim_weeks
-- Claims received for the visitor's members by week (its Monday) since a day: paid or about to be, waiting, refused; what the insurer pays.
SELECT date_trunc('week', c.received_at AT TIME ZONE 'Europe/Paris')::date AS monday,
       count(*) FILTER (WHERE c.state IN ('adjudicated', 'remitted', 'paid')),
       count(*) FILTER (WHERE c.state IN ('received', 'held')),
       count(*) FILTER (WHERE c.state IN ('rejected', 'cancelled', 'undone')),
       COALESCE(sum(c.amc_cents) FILTER (WHERE c.state IN ('adjudicated', 'remitted', 'paid')), 0)::bigint
FROM claims.claim AS c
WHERE c.insurer_id = %(insurer_id)s::integer AND c.received_at >= %(since)s
GROUP BY 1 ORDER BY 1;

-- name: count_delays
-- In how many days claims received since a day were paid: how many in each number of days, up to a bound.
SELECT LEAST(extract(day FROM c.state_at - c.received_at)::integer, %(most)s::integer) AS days, count(*)
FROM claims.claim AS c
WHERE c.insurer_id = %(insurer_id)s::integer AND c.received_at >= %(since)s AND c.state = 'paid'
GROUP BY 1 ORDER BY 1;

-- name: count_lookup_hours
-- Look-ups about the visitor's members, or in its name, since an instant, by hour, mode and answer; of the newest `most` entries of each
-- log. `recent` is materialized as in the console's queries.
WITH recent AS MATERIALIZED (
    SELECT h.log_id, h.size AS ends, GREATEST(h.size - %(most)s::bigint, COALESCE(before.size, 0)) AS starts
    FROM ledger.head AS h
    LEFT JOIN LATERAL (
        SELECT c.size FROM ledger.checkpoint AS c
        WHERE c.log_id = h.log_id AND c.t_ms < %(since_ms)s::bigint
        ORDER BY c.size DESC LIMIT 1
    ) AS before ON true
)
SELECT e.t_ms / 3600000 AS hour, e.mode, e.outcome, count(*)
FROM recent AS r
JOIN ledger.entry AS e ON e.log_id = r.log_id AND e.idx >= r.starts AND e.idx < r.ends
WHERE e.kind IN (1, 2) AND e.t_ms >= %(since_ms)s::bigint AND e.insurer_id = %(insurer_id)s::integer
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: count_waiting
-- What waits for somebody at the insurer: claims held for its decision, flags, unread packages, limits not begun, campaigns to agree to.
SELECT (SELECT count(*) FROM claims.hold AS h WHERE h.decision IS NULL AND h.insurer_id = %(insurer_id)s::integer),
       (SELECT count(*) FROM claims.exposure_flag AS f WHERE f.decision IS NULL AND f.insurer_id = %(insurer_id)s::integer),
       (SELECT count(*) FROM incidents.package AS p
        WHERE p.state = 'sent' AND p.insurer_id = %(insurer_id)s::integer AND NOT EXISTS (
            SELECT 1 FROM incidents.package_receipt AS r WHERE r.package_ref = p.package_ref AND r.level <> 'operator')),
       (SELECT count(DISTINCT p.incident_id) FROM incidents.package AS p
        WHERE p.state = 'sent' AND p.conclusion = 'persons' AND p.insurer_id = %(insurer_id)s::integer AND NOT EXISTS (
            SELECT 1 FROM claims.exposure_watch AS w WHERE w.incident_id = p.incident_id AND w.insurer_id = p.insurer_id)),
       (SELECT count(*) FROM notices.campaign AS c
        WHERE c.state = 'proposed' AND c.insurer_id = %(insurer_id)s::integer);
