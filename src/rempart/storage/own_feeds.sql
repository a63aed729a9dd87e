-- Feeds as the insurer that sent them sees them (role portals): by functions, because their tables are loaded in bulk.

-- name: list_feeds
-- One page of the feeds of the visitor's insurer, and how many there are; `direction` is 1 or -1, by `sort`.
SELECT f.feed_version, f.kind, f.state, f.rows_done, f.rows_applied, f.rows_rejected, f.started_at, f.published_at, f.is_current,
       f.findings, count(*) OVER () AS total
FROM rights.list_own_feeds() AS f
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'rows' THEN f.rows_done
             WHEN 'rejected' THEN f.rows_rejected
             WHEN 'findings' THEN f.findings
             WHEN 'state' THEN array_position('{pending,published,discarded}'::text[], f.state)
             ELSE extract(epoch FROM f.started_at)
         END, f.feed_version DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: load_feed
-- One feed of the visitor's insurer.
SELECT f.feed_version, f.kind, f.state, f.rows_done, f.rows_applied, f.rows_rejected, f.started_at, f.published_at, f.is_current,
       f.findings
FROM rights.list_own_feeds() AS f WHERE f.feed_version = %(feed_version)s;

-- name: count_rules
-- How many findings of a feed, by rule and field, the most frequent first.
SELECT f.rule, f.field, count(*), min(f.line) FROM rights.list_own_findings(%(feed_version)s) AS f
GROUP BY f.rule, f.field ORDER BY 3 DESC, 1, 2 LIMIT %(most)s;

-- name: list_findings
-- One page of what is wrong in a feed, and how much there is; `direction` is 1 or -1, by `sort`.
SELECT f.line, f.field, f.rule, f.message, f.advice, count(*) OVER () AS total
FROM rights.list_own_findings(%(feed_version)s) AS f
WHERE %(rule)s::text IS NULL OR f.rule = %(rule)s::text
ORDER BY CASE WHEN %(sort)s::text = 'rule' AND %(direction)s::integer = 1 THEN f.rule END,
         CASE WHEN %(sort)s::text = 'rule' AND %(direction)s::integer = -1 THEN f.rule END DESC,
         CASE WHEN %(sort)s::text = 'field' AND %(direction)s::integer = 1 THEN f.field END,
         CASE WHEN %(sort)s::text = 'field' AND %(direction)s::integer = -1 THEN f.field END DESC,
         %(direction)s::integer * f.line, f.field, f.rule
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;
