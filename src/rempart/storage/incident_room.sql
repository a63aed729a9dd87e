-- The timeline of an incident (roles analyst and portals).

-- name: insert_event
-- Adds a line; the hour it is written, and from a page its author, are the database's.
INSERT INTO incidents.room_event (incident_id, kind, happened_ms, insurer_id, author_ref, author, details)
VALUES (%(incident_id)s, %(kind)s, %(happened_ms)s, %(insurer_id)s, %(author_ref)s, %(author)s, %(details)s)
RETURNING event_ref;

-- name: list_events
-- The timeline of an incident, in the order it was written; all kinds when none is named.
SELECT e.event_ref, e.kind, e.happened_ms, e.recorded_at, e.author, e.author_ref, e.insurer_id, e.details
FROM incidents.room_event AS e
WHERE e.incident_id = %(incident_id)s AND (%(kinds)s::text[] IS NULL OR e.kind = ANY(%(kinds)s::text[]))
ORDER BY e.event_ref;
