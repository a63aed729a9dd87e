-- What somebody is answered about themselves. Role: portals, without a ticket or with that of an insurer's agent.

-- name: answer_code
-- What the message of a code says, and the last one to the same person when that is another.
SELECT is_this, is_last, exercise, facts, kind, relation, certainty, doubt, fields, not_exposed, left_on, kept_until, kept_why, channel,
       state_at, corrects, amc_number, page_number
FROM notices.answer_code(%(digest)s);

-- name: find_caller
-- Whom a code or a line of a card is about, among the members of the visitor's insurer.
SELECT notices.find_caller(%(digest)s, %(serial)s, %(line)s::smallint);

-- name: tell_caller
-- What is known of one of them, for each incident.
SELECT incident_id, title, exercise, starts_ms, ends_ms, package_number, sent_at, hidden, tier, list_fields, message_number, kind,
       relation, certainty, doubt, fields, not_exposed, channel, state, reason, state_at, left_on, kept_until,
       kept_why, corrects, facts, amc_number, page_number
FROM notices.tell_caller(%(person_ref)s);
