-- Limits that insurers set on what is asked about their members, as pages list and set them (role portals).

-- name: list_limits
-- One page of an insurer's limits, the newest first, and how many there are. `holds`: the one in force; `waits`: not begun, and nothing
-- came after it. `sort` names the only column there is.
SELECT l.limit_ref, l.required, l.known_faces, l.typed_persons_per_day, l.files_per_day, l.reason, COALESCE(a.display_name, ''),
       l.set_at, l.active_from,
       l.limit_ref = (SELECT one.limit_ref FROM rights.insurer_limit AS one
                      WHERE one.insurer_id = l.insurer_id AND one.active_from <= clock_timestamp()
                      ORDER BY one.set_at DESC LIMIT 1) AS holds,
       l.active_from > clock_timestamp()
           AND NOT EXISTS (SELECT FROM rights.insurer_limit AS later
                           WHERE later.insurer_id = l.insurer_id AND later.set_at > l.set_at) AS waits,
       count(*) OVER () AS total
FROM rights.insurer_limit AS l LEFT JOIN accounts.actor AS a ON a.actor_ref = l.set_by
WHERE l.insurer_id = %(insurer_id)s::integer AND %(sort)s::text = 'set'
ORDER BY %(direction)s::integer * extract(epoch FROM l.set_at), l.limit_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: insert_limit
-- Sets limits; the database dates them: what loosens waits a day.
INSERT INTO rights.insurer_limit
    (limit_ref, insurer_id, required, known_faces, typed_persons_per_day, files_per_day, reason, set_by)
VALUES (%(limit_ref)s, %(insurer_id)s, %(required)s, %(known_faces)s, %(typed_persons_per_day)s, %(files_per_day)s, %(reason)s,
        %(set_by)s)
ON CONFLICT (limit_ref) DO NOTHING;
