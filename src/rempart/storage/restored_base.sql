-- A base being restored, from the administrator's database (psycopg: role admin), and from inside (role owner).

-- name: list_bases
-- The bases of a family of names: name, size, sessions.
SELECT datname, pg_database_size(datname), (SELECT count(*) FROM pg_stat_activity AS a WHERE a.datname = d.datname)
FROM pg_catalog.pg_database AS d
WHERE datname = %(name)s OR starts_with(datname, %(name)s || '_replaced_') OR datname = %(name)s || '_restoring'
ORDER BY datname;

-- name: end_web_sessions
-- Nobody is signed in on a base that was restored: whoever was, signs in again.
UPDATE accounts.session SET ended_at = clock_timestamp(), end_reason = 'revoked' WHERE ended_at IS NULL;

-- name: forget_sign_ins
-- What pages remember of browsers.
DELETE FROM accounts.django_session;

-- name: hold_jobs
-- Jobs that waited when the backup was made were done since, or not: none starts by itself.
UPDATE jobs.procrastinate_jobs SET status = 'cancelled' WHERE status = 'todo';

-- name: fail_jobs
-- Jobs that were under way.
UPDATE jobs.procrastinate_jobs SET status = 'failed' WHERE status = 'doing';

-- name: hold_messages
-- Messages sent after the backup are unknown here: none of a campaign that had begun leaves, and nobody is sent two.
UPDATE notices.message AS m SET state = 'held', reason = 'restored'
WHERE m.state IN ('waiting', 'sending')
  AND m.campaign_ref IN (SELECT c.campaign_ref FROM notices.campaign AS c WHERE c.state IN ('approved', 'sending', 'paused'));

-- name: compare_payments
-- Somebody compared the transfers of a restored base with the bank's.
UPDATE retention.restoration SET payments_compared_at = clock_timestamp(), payments_reason = %(reason)s
WHERE payments_compared_at IS NULL;

-- name: list_log_numbers
-- The numbers of the logs, and of those they go on as.
SELECT log_id FROM ledger.log
UNION SELECT (act.body::jsonb ->> 'log')::smallint FROM ledger.statement AS act WHERE act.log_id = 0 AND act.kind = 8
ORDER BY 1;

-- name: say_reapplying
-- What is erased in this transaction had been erased.
SELECT set_config('rempart.reapplying', 'on', true);
