-- Evidence kept beyond its time (roles analyst and portals; reading: archivist, registrar).

-- name: place_hold
-- Keeps the evidence of a window from now on.
INSERT INTO retention.hold (incident_id, kind, from_ms, to_ms, account_refs, insurer_ids, reason, placed_by, placed_by_ref)
VALUES (%(incident_id)s, %(kind)s, %(from_ms)s, %(to_ms)s, %(account_refs)s::bigint[], %(insurer_ids)s::integer[], %(reason)s,
        %(placed_by)s, %(placed_by_ref)s)
RETURNING hold_ref;

-- name: widen_hold
-- A hold in force keeps more; it never keeps less.
UPDATE retention.hold
SET from_ms = least(from_ms, %(from_ms)s::bigint), to_ms = greatest(to_ms, %(to_ms)s::bigint)
WHERE hold_ref = %(hold_ref)s AND released_at IS NULL
RETURNING from_ms, to_ms;

-- name: release_hold
-- Lets evidence expire again, by whom and why; the hour is the database's.
UPDATE retention.hold
SET released_by = %(released_by)s, released_by_ref = %(released_by_ref)s, release_reason = %(reason)s,
    released_at = clock_timestamp()
WHERE hold_ref = %(hold_ref)s AND released_at IS NULL
RETURNING hold_ref;

-- name: list_page
-- One page of the holds, or one of them, or an incident's with those in force that an authority asked for over its window, and
-- how many there are; `direction` is 1 or -1, by `sort`.
SELECT h.hold_ref, h.incident_id, COALESCE(i.title, ''), h.exercise, h.kind, h.from_ms, h.to_ms,
       h.account_refs, h.insurer_ids, h.reason, h.placed_by, h.placed_at, h.released_by, h.released_at, h.release_reason,
       count(*) OVER () AS total
FROM retention.hold AS h
LEFT JOIN incidents.incident AS i USING (incident_id)
WHERE (%(hold_ref)s::bigint IS NULL OR h.hold_ref = %(hold_ref)s::bigint)
  AND (%(incident_id)s::bigint IS NULL OR h.incident_id = %(incident_id)s::bigint
       OR (h.kind <> 'incident' AND h.released_at IS NULL AND EXISTS (
           SELECT 1 FROM incidents.incident AS w
           WHERE w.incident_id = %(incident_id)s::bigint AND h.from_ms < w.ends_ms AND w.starts_ms < h.to_ms)))
  AND (NOT %(in_force)s::boolean OR h.released_at IS NULL)
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'from' THEN h.from_ms
             WHEN 'state' THEN (h.released_at IS NOT NULL)::integer
             ELSE extract(epoch FROM h.placed_at)
         END, h.hold_ref DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_in_force
-- What is kept now, for whoever is about to remove something (role archivist).
SELECT h.hold_ref, h.kind, h.from_ms, h.to_ms
FROM retention.hold AS h WHERE h.released_at IS NULL AND NOT h.exercise ORDER BY h.hold_ref;
