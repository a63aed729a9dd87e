-- Organisations: created by hand or with what they stand for, what they do for each other, stopped and restored.

-- name: load_organisation
-- One organisation, as the rules look at it.
SELECT org_ref, kind, name, hosted_by, suspended_at IS NOT NULL AS suspended
FROM accounts.organisation WHERE org_ref = %(org_ref)s;

-- name: find_host
-- The operator that runs this installation.
SELECT org_ref, kind, name, hosted_by, suspended_at IS NOT NULL AS suspended
FROM accounts.organisation WHERE kind = 'operator' AND hosted_by IS NULL
ORDER BY created_at LIMIT 1;

-- name: lock_registry
-- One creation or mandate at a time; the others wait for its transaction to end.
SELECT pg_advisory_xact_lock(hashtext('rempart organisations'));

-- name: insert_organisation
-- An operator, an employer or a publisher.
INSERT INTO accounts.organisation (org_ref, kind, name, hosted_by)
VALUES (%(org_ref)s, %(kind)s, %(name)s, %(hosted_by)s);

-- name: list_organisations
-- One page of the organisations of some kinds whose name contains something, and how many there are in all. `sort` names
-- a column; `direction` is 1 or -1.
WITH shown AS (
    SELECT o.org_ref, o.kind, o.name, host.name AS host_name, o.created_at, o.suspended_at,
           (SELECT count(*) FROM accounts.membership AS m
            WHERE m.org_ref = o.org_ref AND m.ends_on >= (now() AT TIME ZONE 'Europe/Paris')::date) AS people,
           row_number() OVER (ORDER BY lower(o.name), o.org_ref) AS name_rank
    FROM accounts.organisation AS o
    LEFT JOIN accounts.organisation AS host ON host.org_ref = o.hosted_by
    WHERE o.kind = ANY (%(kinds)s::text[])
      AND strpos(lower(o.name), lower(%(words)s::text)) > 0
)
SELECT org_ref, kind, name, COALESCE(host_name, '') AS host_name, created_at, suspended_at, people,
       count(*) OVER () AS total
FROM shown
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'kind' THEN array_position(%(kinds)s::text[], kind)
             WHEN 'people' THEN people
             WHEN 'state' THEN (suspended_at IS NOT NULL)::integer
             WHEN 'created' THEN extract(epoch FROM created_at)
             ELSE name_rank
         END, name_rank
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: suspend_organisation
-- Stops an organisation; no row when it is stopped already.
UPDATE accounts.organisation SET suspended_at = clock_timestamp()
WHERE org_ref = %(org_ref)s AND suspended_at IS NULL
RETURNING org_ref;

-- name: restore_organisation
-- Lets a stopped organisation go on; no row when it is not stopped.
UPDATE accounts.organisation SET suspended_at = NULL
WHERE org_ref = %(org_ref)s AND suspended_at IS NOT NULL
RETURNING org_ref;

-- name: list_mandates
-- What is done for one organisation, the oldest first. An open end comes back as null.
SELECT kind, principal_ref, agent_ref, starts_on, NULLIF(ends_on, 'infinity') AS ends_on
FROM accounts.mandate WHERE principal_ref = %(principal_ref)s
ORDER BY starts_on, mandate_ref;

-- name: insert_mandate
-- What one organisation does for another from one day to another, both included; null: no known end.
INSERT INTO accounts.mandate (mandate_ref, principal_ref, agent_ref, kind, starts_on, ends_on)
VALUES (%(mandate_ref)s, %(principal_ref)s, %(agent_ref)s, %(kind)s, %(starts_on)s,
        COALESCE(%(ends_on)s::date, 'infinity'));

-- name: end_mandate
-- The last day of a mandate that includes it; no row when none does.
UPDATE accounts.mandate SET ends_on = %(last_day)s
WHERE kind = %(kind)s AND principal_ref = %(principal_ref)s AND agent_ref = %(agent_ref)s
  AND %(last_day)s BETWEEN starts_on AND ends_on
RETURNING mandate_ref;

-- name: read_day
-- The civil day in Paris.
SELECT (now() AT TIME ZONE 'Europe/Paris')::date;

-- name: save_insurer_organisations
-- The organisations of insurers, under their present names.
INSERT INTO accounts.organisation (org_ref, kind, name, insurer_id)
SELECT org_ref, 'insurer', name, insurer_id
FROM unnest(%(org_ref)s::bigint[], %(name)s::text[], %(insurer_id)s::integer[]) AS given (org_ref, name, insurer_id)
ON CONFLICT (insurer_id) DO UPDATE SET name = EXCLUDED.name
WHERE organisation.name <> EXCLUDED.name;

-- name: save_establishment_organisations
-- The organisations of establishments, under their present names.
INSERT INTO accounts.organisation (org_ref, kind, name, establishment_ref)
SELECT org_ref, 'establishment', name, establishment_ref
FROM unnest(%(org_ref)s::bigint[], %(name)s::text[], %(establishment_ref)s::bigint[])
     AS given (org_ref, name, establishment_ref)
ON CONFLICT (establishment_ref) DO UPDATE SET name = EXCLUDED.name
WHERE organisation.name <> EXCLUDED.name;

-- name: save_professional_actors
-- Professionals may act; each keeps the handle first drawn for them.
INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)
SELECT actor_ref, 'professional', display_name, user_handle
FROM unnest(%(actor_ref)s::bigint[], %(display_name)s::text[], %(user_handle)s::bytea[])
     AS given (actor_ref, display_name, user_handle)
ON CONFLICT (actor_ref) DO UPDATE SET display_name = EXCLUDED.display_name
WHERE actor.display_name <> EXCLUDED.display_name;

-- name: save_holders
-- Each professional holds the establishment the register names, from today unless they do already, and the event says so.
-- A reference is drawn for every row; those of rows that were there already serve nothing.
WITH added AS (
    INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)
    SELECT given.membership_ref, given.actor_ref, o.org_ref, 'holder', (now() AT TIME ZONE 'Europe/Paris')::date
    FROM unnest(%(membership_ref)s::bigint[], %(actor_ref)s::bigint[], %(establishment_ref)s::bigint[])
         AS given (membership_ref, actor_ref, establishment_ref)
    JOIN accounts.organisation AS o USING (establishment_ref)
    WHERE NOT EXISTS (
        SELECT 1 FROM accounts.membership AS m
        WHERE m.actor_ref = given.actor_ref AND m.org_ref = o.org_ref AND m.role = 'holder'
          AND m.ends_on >= (now() AT TIME ZONE 'Europe/Paris')::date)
    ON CONFLICT (actor_ref, org_ref, role, starts_on) DO UPDATE SET ends_on = 'infinity'
    RETURNING membership_ref, actor_ref, org_ref
)
INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref, details)
SELECT ('x' || left(translate(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint & 9223372036854775807,
       'role_given', actor_ref, org_ref, '{"role": "holder", "by": "register"}'
FROM added;

-- name: end_holders_elsewhere
-- Professionals hold no other establishment than the one the register names: yesterday was their last day there.
WITH ended AS (
    UPDATE accounts.membership AS m
    SET ends_on = GREATEST(m.starts_on, (now() AT TIME ZONE 'Europe/Paris')::date - 1)
    FROM unnest(%(actor_ref)s::bigint[], %(establishment_ref)s::bigint[]) AS given (actor_ref, establishment_ref)
    JOIN accounts.organisation AS o USING (establishment_ref)
    WHERE m.actor_ref = given.actor_ref AND m.role = 'holder' AND m.org_ref <> o.org_ref
      AND m.ends_on >= (now() AT TIME ZONE 'Europe/Paris')::date
    RETURNING m.actor_ref, m.org_ref
)
INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref, details)
SELECT ('x' || left(translate(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint & 9223372036854775807,
       'role_changed', actor_ref, org_ref, '{"before": "holder", "by": "register"}'
FROM ended;
