-- What one person lost in an incident (psycopg: role portals), by functions that say who may ask about whom.

-- name: ask_person
-- Takes a question about whom identifiers lead to, or led to; nobody is told of yet.
SELECT taken, persons, insurers
FROM incidents.ask_person(%(question_ref)s, %(incident_id)s, %(lookup_key)s::uuid, %(digest)s::uuid, %(most)s);

-- name: answer_question
-- What the list says of each, by which sessions of incidents.attributed_session, and what left the base of them.
SELECT insurer_id, tier, fields, lost, lookups, sessions, active, archived, held_by, departures
FROM incidents.answer_question(%(question_ref)s);
