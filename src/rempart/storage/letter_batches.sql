-- Batches of letters as their insurer sees them, takes them, posts them (psycopg: role portals).

-- name: list_batches
-- One page of the batches of letters of a campaign.
SELECT b.number, b.letters, b.pages, b.state, b.made_at, b.written_at, b.sealed_for, COALESCE(d.display_name, ''), b.downloaded_at,
       COALESCE(p.display_name, ''), b.posted_at, count(*) OVER () AS total
FROM notices.letter_batch AS b
LEFT JOIN accounts.actor AS d ON d.actor_ref = b.downloaded_by
LEFT JOIN accounts.actor AS p ON p.actor_ref = b.posted_by
WHERE b.campaign_ref = %(campaign_ref)s AND (%(number)s::integer IS NULL OR b.number = %(number)s)
ORDER BY %(direction)s::integer * CASE %(sort)s::text WHEN 'letters' THEN b.letters ELSE b.number END, b.number
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: take_batch
-- Somebody takes the sealed copy of a batch.
UPDATE notices.letter_batch
SET state = CASE state WHEN 'made' THEN 'downloaded' ELSE state END, downloaded_by = %(actor_ref)s,
    downloaded_at = clock_timestamp()
WHERE campaign_ref = %(campaign_ref)s AND number = %(number)s AND written_at IS NOT NULL AND sealed_for IS NOT NULL;

-- name: post_own_batch
-- Somebody of the insurer handed a batch to the post.
UPDATE notices.letter_batch SET state = 'posted', posted_by = %(actor_ref)s
WHERE campaign_ref = %(campaign_ref)s AND number = %(number)s AND state <> 'posted' AND written_at IS NOT NULL;
