-- Members whom the gateway can find (role feeds): to invite one, never to list them.

-- name: find_person
-- The person a look-up key leads to, and their insurer; a canary is nobody.
SELECT l.person_ref, c.insurer_id
FROM rights.lookup AS l
JOIN rights.coverage AS c USING (person_ref)
JOIN rights.insurer AS i ON i.insurer_id = c.insurer_id
WHERE l.lookup_key = %(lookup_key)s
  AND c.opened_in <= i.published_version AND c.closed_in > i.published_version
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = l.person_ref)
LIMIT 1;
