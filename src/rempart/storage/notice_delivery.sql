-- Messages of campaigns on their way (psycopg: role notifier).

-- name: begin_approved
-- Campaigns that two people approved begin; those of an exercise stay there: real people have these addresses. So do those whose package
-- was taken back while somebody agreed.
UPDATE notices.campaign AS c SET state = 'sending'
WHERE c.state = 'approved' AND NOT c.exercise
  AND (c.package_ref IS NULL OR EXISTS (SELECT FROM incidents.package AS p WHERE p.package_ref = c.package_ref AND p.state = 'sent'))
RETURNING c.campaign_ref;

-- name: list_sending
-- Campaigns under way, the oldest first.
SELECT campaign_ref, insurer_id, number, per_hour FROM notices.campaign WHERE state = 'sending' ORDER BY started_at, campaign_ref;

-- name: count_moved
-- How many e-mails and messages to spaces left in the hour before an instant, how many in its last minutes; letters of its day, those
-- that were posted or came back since included.
SELECT count(*) FILTER (WHERE channel <> 'letter' AND state_at > %(hour)s),
       count(*) FILTER (WHERE channel <> 'letter' AND state_at > %(minutes)s),
       (SELECT COALESCE(sum(b.letters), 0) FROM notices.letter_batch AS b
        WHERE b.campaign_ref = %(campaign_ref)s AND b.made_at > %(day)s)
FROM notices.message
WHERE campaign_ref = %(campaign_ref)s AND state IN ('sending', 'sent', 'printed') AND state_at > %(hour)s;

-- name: claim_emails
-- The next e-mails to hand over, said to be so before the relay hears of them; what was put off waits longer each time.
WITH picked AS (
    SELECT m.number FROM notices.message AS m
    WHERE m.campaign_ref = %(campaign_ref)s AND m.channel = 'email' AND m.state = 'waiting'
      AND (m.attempts = 0 OR m.state_at <= clock_timestamp() - m.attempts::integer * m.attempts * %(patience)s::interval)
      AND m.attempts < %(tries)s
      AND EXISTS (SELECT FROM notices.campaign AS c WHERE c.campaign_ref = m.campaign_ref AND c.state = 'sending')
    ORDER BY m.number LIMIT %(most)s FOR UPDATE SKIP LOCKED)
UPDATE notices.message AS m SET state = 'sending', attempts = m.attempts + 1
FROM picked WHERE m.number = picked.number RETURNING m.number;

-- name: settle_emails
-- What became of e-mails handed over; those that were not tried wait as if nobody had begun.
WITH given AS (
    SELECT * FROM unnest(%(numbers)s::bigint[], %(states)s::text[], %(outcomes)s::text[], %(codes)s::text[])
        AS g (number, state, outcome, code)),
moved AS (
    UPDATE notices.message AS m
    SET state = g.state, attempts = CASE WHEN g.outcome = '' THEN greatest(m.attempts - 1, 0) ELSE m.attempts END
    FROM given AS g WHERE m.number = g.number AND m.channel = 'email' AND m.state = 'sending' RETURNING m.number)
INSERT INTO notices.attempt (number, channel, outcome, code)
SELECT g.number, 'email', g.outcome, g.code FROM given AS g JOIN moved USING (number) WHERE g.outcome <> '';

-- name: note_attempts
-- What was tried, or learnt, of some messages.
INSERT INTO notices.attempt (number, channel, outcome, code)
SELECT * FROM unnest(%(numbers)s::bigint[], %(channels)s::text[], %(outcomes)s::text[], %(codes)s::text[]);

-- name: note_once
-- What was learnt of some messages, unless it was noted already: a report may be read twice.
INSERT INTO notices.attempt (number, channel, outcome, code)
SELECT g.number, g.channel, g.outcome, g.code
FROM unnest(%(numbers)s::bigint[], %(channels)s::text[], %(outcomes)s::text[], %(codes)s::text[])
    AS g (number, channel, outcome, code)
WHERE EXISTS (SELECT FROM notices.message AS m WHERE m.number = g.number)
  AND NOT EXISTS (SELECT FROM notices.attempt AS a WHERE a.number = g.number AND a.outcome = g.outcome);

-- name: take_delivered
-- E-mails that arrived and of which nobody knew whether they had left; those that no letter could follow wait for nobody any more.
UPDATE notices.message SET state = 'sent', reason = ''
WHERE number = ANY (%(numbers)s::bigint[]) AND channel = 'email'
  AND (state = 'sending' OR (state = 'held' AND reason = 'uncertain_no_address'));

-- name: list_seconds
-- Letters that wait though their e-mail, of these, arrived after all.
SELECT number, campaign_ref FROM notices.message
WHERE number = ANY (%(numbers)s::bigint[]) AND channel = 'letter' AND state = 'waiting' AND is_second ORDER BY number FOR UPDATE;

-- name: list_uncertain
-- E-mails of which nobody knows whether they left, handed over before an instant, in a campaign that goes on.
SELECT m.number FROM notices.message AS m
WHERE m.campaign_ref = %(campaign_ref)s AND m.channel = 'email' AND m.state = 'sending' AND m.state_at < %(before)s
ORDER BY m.number LIMIT %(most)s FOR UPDATE SKIP LOCKED;

-- name: list_untrue
-- Messages of some that say what a newer package says otherwise, or another analysis: they were on their way when it came, or it is a
-- whole list that does not name them any more; the trigger holds the others.
SELECT m.number
FROM notices.message AS m
JOIN notices.campaign AS c USING (campaign_ref)
JOIN incidents.package AS q USING (package_ref)
LEFT JOIN LATERAL (
    SELECT x.tier, x.fields, x.lost
    FROM incidents.package AS p JOIN incidents.packaged_person AS x USING (package_ref)
    WHERE p.incident_id = c.incident_id AND p.insurer_id = c.insurer_id AND p.state = 'sent' AND x.person_ref = m.person_ref
      AND p.number >= (SELECT max(w.number) FROM incidents.package AS w
                       WHERE w.incident_id = c.incident_id AND w.insurer_id = c.insurer_id AND w.state = 'sent' AND w.basis = 0)
    ORDER BY p.number DESC LIMIT 1) AS told ON true
WHERE m.number = ANY (%(numbers)s::bigint[])
  AND EXISTS (SELECT FROM incidents.package AS n
              WHERE n.incident_id = c.incident_id AND n.insurer_id = c.insurer_id AND n.state = 'sent' AND n.number > q.number)
  AND (m.certainty, m.fields)
      IS DISTINCT FROM (COALESCE(told.tier, 'D'), COALESCE(NULLIF(told.lost, 0), told.fields, 0) & %(named)s::bigint)
UNION ALL
SELECT m.number
FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
WHERE m.number = ANY (%(numbers)s::bigint[]) AND m.insurer_id = 0
  AND c.analysis < (SELECT max(a.number) FROM incidents.analysis AS a WHERE a.incident_id = c.incident_id)
  AND NOT EXISTS (SELECT FROM incidents.exposed_professional AS x
                  WHERE x.incident_id = c.incident_id AND x.account_ref = m.person_ref AND x.fields <> 0 AND x.tier = m.certainty
                    AND x.fields & %(named)s::bigint = m.fields)
  AND (m.certainty <> 'D' OR EXISTS (SELECT FROM incidents.exposed_professional AS x
                                     WHERE x.incident_id = c.incident_id AND x.account_ref = m.person_ref AND x.fields <> 0));

-- name: list_put_off
-- E-mails that were put off so often that a letter is written.
SELECT m.number FROM notices.message AS m
WHERE m.campaign_ref = %(campaign_ref)s AND m.channel = 'email' AND m.state = 'waiting' AND m.attempts >= %(tries)s
ORDER BY m.number LIMIT %(most)s FOR UPDATE SKIP LOCKED;

-- name: turn_to_letters
-- E-mails become letters that wait, their digest that of the letter; the household is that of the contact. What may have arrived stays
-- tried: its code is known.
UPDATE notices.message AS m
SET channel = 'letter', state = 'waiting', attempts = CASE WHEN g.is_second THEN m.attempts ELSE 0 END, reason = g.reason,
    digest = g.digest, household = g.household, is_second = g.is_second
FROM unnest(%(numbers)s::bigint[], %(reasons)s::text[], %(digests)s::bytea[], %(households)s::bytea[], %(seconds)s::boolean[])
    AS g (number, reason, digest, household, is_second)
WHERE m.number = g.number AND m.channel = 'email' AND m.state IN ('waiting', 'sending', 'sent') RETURNING m.number;

-- name: turn_back_to_email
-- A letter that was not printed is an e-mail again: the e-mail arrived after all.
UPDATE notices.message SET channel = 'email', state = 'sent', reason = '', digest = %(digest)s, is_second = false
WHERE number = %(number)s AND channel = 'letter' AND state = 'waiting' AND is_second;

-- name: set_states
-- Messages in a state come to another, with why.
UPDATE notices.message AS m SET state = g.state, reason = g.reason
FROM unnest(%(numbers)s::bigint[], %(states)s::text[], %(reasons)s::text[]) AS g (number, state, reason)
WHERE m.number = g.number AND m.state = ANY (%(before)s::text[]) RETURNING m.number;

-- name: lock_messages
-- Messages that are about to be moved, nobody else moving them: in order, so that two who move the same ones wait for each other.
SELECT number FROM notices.message WHERE number = ANY (%(numbers)s::bigint[]) ORDER BY number FOR NO KEY UPDATE;

-- name: lock_message
-- Where one message is, nobody else moving it.
SELECT m.number, m.campaign_ref, m.channel, m.state, m.reason, m.is_second, c.state
FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
WHERE m.number = %(number)s FOR UPDATE OF m;

-- name: publish_in_spaces
-- The next messages that are read in member spaces are there.
WITH picked AS (
    SELECT number FROM notices.message
    WHERE campaign_ref = %(campaign_ref)s AND channel = 'space' AND state = 'waiting'
      AND EXISTS (SELECT FROM notices.campaign AS c WHERE c.campaign_ref = %(campaign_ref)s AND c.state = 'sending')
    ORDER BY number LIMIT %(most)s
    FOR UPDATE SKIP LOCKED),
moved AS (
    UPDATE notices.message AS m SET state = 'sent' FROM picked WHERE m.number = picked.number RETURNING m.number)
INSERT INTO notices.attempt (number, channel, outcome) SELECT number, 'space', 'published' FROM moved;

-- name: list_letters
-- Letters that wait, household after household.
SELECT number, household FROM notices.message
WHERE campaign_ref = %(campaign_ref)s AND channel = 'letter' AND state = 'waiting' AND household > %(after)s
  AND EXISTS (SELECT FROM notices.campaign AS c WHERE c.campaign_ref = %(campaign_ref)s AND c.state = 'sending')
ORDER BY household, number LIMIT %(most)s;

-- name: list_unhoused
-- Letters that wait and have no address: nothing can be printed.
SELECT number FROM notices.message
WHERE campaign_ref = %(campaign_ref)s AND channel = 'letter' AND state = 'waiting' AND household IS NULL
ORDER BY number LIMIT %(most)s;

-- name: find_next_batch_number
-- The number of a campaign's next batch.
SELECT coalesce(max(number), 0) + 1 FROM notices.letter_batch WHERE campaign_ref = %(campaign_ref)s;

-- name: insert_batch
-- A batch is decided.
INSERT INTO notices.letter_batch (batch_ref, campaign_ref, insurer_id, number, letters, pages, digest, made_at)
VALUES (%(batch_ref)s, %(campaign_ref)s, %(insurer_id)s, %(number)s, %(letters)s, %(pages)s, %(digest)s, %(made_at)s);

-- name: print_messages
-- Letters are in a batch, and tried once more.
WITH moved AS (
    UPDATE notices.message SET state = 'printed', batch_ref = %(batch_ref)s, attempts = attempts + 1
    WHERE number = ANY (%(numbers)s::bigint[]) AND channel = 'letter' AND state = 'waiting' RETURNING number)
INSERT INTO notices.attempt (number, channel, outcome) SELECT number, 'letter', 'printed' FROM moved;

-- name: list_unwritten
-- Batches that were decided and are not known to be on a disk.
SELECT batch_ref, campaign_ref, insurer_id, number, digest, made_at FROM notices.letter_batch
WHERE written_at IS NULL ORDER BY batch_ref;

-- name: list_batch
-- The letters of a batch, in the order of its pages.
SELECT number, household FROM notices.message WHERE batch_ref = %(batch_ref)s ORDER BY household, number;

-- name: set_written
-- The file of a batch is on a disk.
UPDATE notices.letter_batch SET written_at = clock_timestamp(), sealed_for = %(sealed_for)s
WHERE batch_ref = %(batch_ref)s AND written_at IS NULL;

-- name: list_batches
-- Every batch of letters, the latest first.
SELECT campaign_ref, number, letters, pages, digest, state, made_at, written_at, posted_at
FROM notices.letter_batch ORDER BY made_at DESC, number DESC LIMIT %(most)s;

-- name: post_batch
-- A batch was handed to the post: the database moves its letters with it.
UPDATE notices.letter_batch SET state = 'posted', posted_by = %(by)s
WHERE campaign_ref = %(campaign_ref)s AND number = %(number)s AND state <> 'posted' AND written_at IS NOT NULL
RETURNING letters;

-- name: keep_of_insurer
-- Which of some letters are an insurer's.
SELECT m.number FROM notices.message AS m
WHERE m.number = ANY (%(numbers)s::bigint[]) AND m.insurer_id = %(insurer_id)s AND m.channel = 'letter';

-- name: finish
-- Campaigns of which nothing is left to wait for end.
UPDATE notices.campaign AS c SET state = 'done'
WHERE c.state = 'sending'
  AND NOT EXISTS (SELECT FROM notices.message AS m WHERE m.campaign_ref = c.campaign_ref
                  AND m.state IN ('waiting', 'sending', 'printed'))
  AND NOT EXISTS (SELECT FROM notices.message AS m WHERE m.campaign_ref = c.campaign_ref
                  AND m.state = 'sent' AND m.channel = 'email' AND m.state_at > %(bounces_until)s)
RETURNING c.campaign_ref;

-- name: count_states
-- How many messages of a campaign are where.
SELECT channel, state, count(*) FROM notices.message WHERE campaign_ref = %(campaign_ref)s GROUP BY channel, state
ORDER BY channel, state;

-- name: measure_speed
-- How many e-mails left and letters were printed since an instant.
SELECT count(*) FILTER (WHERE channel = 'email' AND state = 'sent'), count(*) FILTER (WHERE channel = 'letter')
FROM notices.message
WHERE campaign_ref = %(campaign_ref)s AND state IN ('sending', 'sent', 'printed') AND state_at > %(since)s;

-- name: read_pace
-- What bounds a campaign, and the present instant.
SELECT per_hour, started_at, clock_timestamp() FROM notices.campaign WHERE campaign_ref = %(campaign_ref)s;
