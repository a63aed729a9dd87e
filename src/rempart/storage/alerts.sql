-- Alerts (role forwarder): what is to be told, in the order of numbers, and how far each destination is.

-- name: claim_cursor
-- One process for one destination at a time; let go when the connection ends, however it ends.
SELECT pg_try_advisory_lock(1380273493, hashtext(%(name)s));

-- name: read_alerts
-- The next alerts that were not sent, whole. Asked after read_snapshot, so that it sees no less.
SELECT alert.alert_ref, alert.t_ms, alert.kind, alert.account_ref, COALESCE(account.profession, '') AS profession,
       event.event_ref, event.establishment_ref, event.client_ref, event.step, event.presence, event.evidence, event.threshold,
       event.signals, event.rules_day, event.enforced,
       CASE alert.kind WHEN 'released' THEN (
           SELECT max(held.event_ref) FROM guard.event AS held
           WHERE held.account_ref = alert.account_ref AND held.kind IN ('contained', 'canary', 'late')
             AND held.event_ref < event.event_ref) END AS opened_by,
       measure.measure_ref, measure.step, measure.target, measure.target_ref, measure.profession, measure.reason,
       measure.review_at, measure.ends_at, measure.end_reason, measure.exercise,
       rules.day, rules.account_days, rules.width, rules.evidence, rules.false_containments
FROM guard.alert
LEFT JOIN guard.account USING (account_ref)
LEFT JOIN guard.event USING (event_ref)
LEFT JOIN guard.measure USING (measure_ref)
LEFT JOIN guard.rules ON rules.day = alert.rules_day
WHERE alert.alert_ref > %(sent_to)s AND alert.alert_ref <> ALL (%(ahead)s::bigint[]) AND alert.t_ms >= %(from_ms)s
ORDER BY alert.alert_ref
LIMIT %(most)s;

-- name: read_snapshot
-- Which transactions a look can see: all below xmin, none from xmax on.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint;

-- name: load_cursor
-- How far a destination is.
SELECT alert_ref, ahead, noticed_ref, noticed_xmax, (extract(epoch FROM noticed_at) * 1000)::bigint AS noticed_ms
FROM guard.alert_cursor WHERE name = %(name)s;

-- name: save_cursor
-- Notes how far a destination is.
INSERT INTO guard.alert_cursor (name, alert_ref, ahead, noticed_ref, noticed_xmax, noticed_at)
VALUES (%(name)s, %(alert_ref)s, %(ahead)s, %(noticed_ref)s, %(noticed_xmax)s, to_timestamp(%(noticed_ms)s::bigint / 1000.0))
ON CONFLICT (name) DO UPDATE
    SET alert_ref = excluded.alert_ref, ahead = excluded.ahead, noticed_ref = excluded.noticed_ref,
        noticed_xmax = excluded.noticed_xmax, noticed_at = excluded.noticed_at, moved_at = clock_timestamp();
