-- What a member's insurer wrote to them, and how they want to be written to (psycopg, role portals).

-- name: load_preference
-- How the visitor wants to be written to; no row: they never said.
SELECT channel, language, variant, set_at FROM notices.preference WHERE insurer_id = %(insurer_id)s AND person_ref = %(person_ref)s;

-- name: save_preference
-- Says how the visitor wants to be written to.
INSERT INTO notices.preference (insurer_id, person_ref, channel, language, variant, set_at)
VALUES (%(insurer_id)s, %(person_ref)s, %(channel)s, %(language)s, %(variant)s, %(set_at)s)
ON CONFLICT (insurer_id, person_ref)
DO UPDATE SET channel = excluded.channel, language = excluded.language, variant = excluded.variant, set_at = excluded.set_at;

-- name: list_messages
-- The messages that were sent to the visitor, the newest first, with the facts of their text: one that comes back later is no newer.
SELECT number, kind, former, relation, certainty, doubt, fields, not_exposed, left_on, kept_until, kept_why, language, variant, channel,
       state, state_at, facts, exercise, opened_at
FROM notices.my_messages() ORDER BY number DESC;

-- name: note_opened
-- Notes that the visitor opened one of their messages.
SELECT notices.open_my_message(%(number)s);
