-- Who stands in an organisation, since when, and who let them in.

-- name: list_standing
-- As accounts.list_standing (0008), under the row policies of whoever asks: a test compares.
WITH event AS (
    SELECT e.actor_ref, max(e.at) FILTER (WHERE e.kind = 'role_changed') AS changed_at,
           max(e.at) FILTER (WHERE e.kind = 'agent_restored') AS restored_at
    FROM accounts.security_event AS e
    WHERE e.org_ref = %(org_ref)s AND e.kind IN ('role_changed', 'agent_restored')
    GROUP BY e.actor_ref),
code AS (
    SELECT i.actor_ref, array_agg(by.ref ORDER BY i.created_at, by.ref) AS by_refs,
           array_agg(i.created_at ORDER BY i.created_at, by.ref) AS at
    FROM accounts.invitation AS i CROSS JOIN LATERAL (VALUES (i.invited_by), (i.approved_by)) AS by (ref)
    WHERE i.org_ref = %(org_ref)s AND by.ref IS NOT NULL
    GROUP BY i.actor_ref)
SELECT m.actor_ref,
       GREATEST(m.created_at, m.starts_on::timestamp AT TIME ZONE 'Europe/Paris', event.restored_at,
                CASE WHEN m.role = ANY (%(roles)s::text[]) THEN event.changed_at END) AS since,
       NULLIF(LEAST(COALESCE(m.suspended_at, 'infinity'), COALESCE(a.suspended_at, 'infinity'),
                    m.ends_on::timestamp AT TIME ZONE 'Europe/Paris' + interval '1 day',
                    CASE WHEN m.role = ANY (%(roles)s::text[]) THEN 'infinity' ELSE event.changed_at END),
              'infinity') AS until,
       COALESCE(code.by_refs, '{}') AS invited_by, COALESCE(code.at, '{}') AS invited_at
FROM accounts.membership AS m
JOIN accounts.actor AS a USING (actor_ref)
LEFT JOIN event USING (actor_ref)
LEFT JOIN code USING (actor_ref)
WHERE m.org_ref = %(org_ref)s AND (m.role = ANY (%(roles)s::text[]) OR event.changed_at IS NOT NULL)
  AND m.starts_on <= (clock_timestamp() AT TIME ZONE 'Europe/Paris')::date
ORDER BY m.membership_ref;
