-- Accounts, as the gateway reads them (asyncpg, role gateway): who a token may be given to, and who may still use one.

-- name: load_standings
-- For a batch of bearers: is each of those a token names still there, and not stopped? Names nobody.
SELECT software.client_ref IS NOT NULL AS software_known,
       software.revoked_at IS NOT NULL OR publisher.suspended_at IS NOT NULL AS software_stopped,
       professional.account_ref IS NOT NULL AS account_known,
       actor.suspended_at IS NOT NULL OR answerable.suspended_at IS NOT NULL AS account_stopped,
       place.suspended_at IS NOT NULL AS establishment_stopped,
       -- A browser session vouches for its situation itself: the national directory may have named it at the sign-in.
       asked.establishment_ref IS NULL OR asked.session_ref IS NOT NULL
           OR (asked.accountable_ref IS NULL AND professional.establishment_ref = asked.establishment_ref
               AND NOT EXISTS (
                   SELECT 1 FROM accounts.membership AS over
                   WHERE over.actor_ref = asked.account_ref AND over.org_ref = place.org_ref
                     AND (over.suspended_at IS NOT NULL
                          OR over.ends_on < (now() AT TIME ZONE 'Europe/Paris')::date)))
           OR EXISTS (
               SELECT 1 FROM accounts.membership AS held
               WHERE held.actor_ref = asked.account_ref AND held.org_ref = place.org_ref
                 AND held.role = ANY ($6::text[])
                 AND held.accountable_ref IS NOT DISTINCT FROM asked.accountable_ref
                 AND held.suspended_at IS NULL
                 AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN held.starts_on AND held.ends_on
           ) AS situation_held,
       asked.session_ref IS NULL OR EXISTS (
           SELECT 1 FROM accounts.session
           LEFT JOIN accounts.membership AS given ON given.membership_ref = session.membership_ref
           WHERE session.session_ref = asked.session_ref AND session.actor_ref = asked.account_ref
             AND session.accountable_ref IS NOT DISTINCT FROM asked.accountable_ref
             AND session.ended_at IS NULL AND session.expires_at > clock_timestamp()
             AND (given.membership_ref IS NULL OR (given.suspended_at IS NULL
                  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN given.starts_on AND given.ends_on))
       ) AS session_live,
       professional.profession,
       (SELECT floor(extract(epoch FROM GREATEST(fresh.opened_at, fresh.stepped_up_at)) * 1000)::bigint
        FROM accounts.session AS fresh WHERE fresh.session_ref = asked.session_ref) AS ceremony_ms
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
     AS asked (client_ref, account_ref, establishment_ref, accountable_ref, session_ref, position)
LEFT JOIN accounts.software ON software.client_ref = asked.client_ref
LEFT JOIN accounts.organisation AS publisher ON publisher.org_ref = software.publisher_ref
LEFT JOIN accounts.professional ON professional.account_ref = asked.account_ref
LEFT JOIN accounts.actor ON actor.actor_ref = asked.account_ref
LEFT JOIN accounts.actor AS answerable ON answerable.actor_ref = asked.accountable_ref
LEFT JOIN accounts.organisation AS place ON place.establishment_ref = asked.establishment_ref
ORDER BY asked.position;

-- name: load_software
-- One software with the keys that have not ended; revoked ones too, so that they cost the same work as the others.
SELECT software.client_ref, software.client_id, software.publisher_ref, software.scopes, software.certificate_subject,
       software.establishment_ref, software.psc_clients,
       software.revoked_at IS NOT NULL OR publisher.suspended_at IS NOT NULL AS stopped,
       ARRAY(SELECT key.kid FROM accounts.software_key AS key
             WHERE key.client_ref = software.client_ref AND key.ends_at > clock_timestamp() ORDER BY key.kid) AS kids,
       ARRAY(SELECT key.jwk::text FROM accounts.software_key AS key
             WHERE key.client_ref = software.client_ref AND key.ends_at > clock_timestamp() ORDER BY key.kid) AS jwks
FROM accounts.software
LEFT JOIN accounts.organisation AS publisher ON publisher.org_ref = software.publisher_ref
WHERE software.client_id = $1::text;

-- name: save_used_assertion
-- Uses an assertion up, for every gateway: the second insertion of the same one returns nothing.
INSERT INTO accounts.used_assertion (assertion_digest, expires_at)
VALUES ($1::bytea, to_timestamp($2::double precision))
ON CONFLICT DO NOTHING
RETURNING true;

-- name: delete_old_assertions
-- Forgets assertions that have expired for a while: nobody accepts them any more.
DELETE FROM accounts.used_assertion WHERE expires_at < to_timestamp($1::double precision);

-- name: load_professional
-- One professional by RPPS number, and the places where they may check rights today, their own first.
SELECT professional.account_ref, actor.suspended_at IS NOT NULL AS stopped,
       place.establishment_ref, establishment.finess, establishment.siret, place.accountable_ref
FROM accounts.professional
LEFT JOIN accounts.actor ON actor.actor_ref = professional.account_ref
LEFT JOIN LATERAL (
    SELECT professional.establishment_ref, NULL::bigint AS accountable_ref, 0 AS rank
    WHERE professional.establishment_ref IS NOT NULL AND NOT EXISTS (
        -- What the establishment says of a person comes before what our register says of the place.
        SELECT 1 FROM accounts.membership AS over
        JOIN accounts.organisation AS own ON own.org_ref = over.org_ref
        WHERE over.actor_ref = professional.account_ref AND own.establishment_ref = professional.establishment_ref
          AND (over.suspended_at IS NOT NULL OR over.ends_on < (now() AT TIME ZONE 'Europe/Paris')::date))
    UNION ALL
    SELECT org.establishment_ref, held.accountable_ref, 1
    FROM accounts.membership AS held
    JOIN accounts.organisation AS org ON org.org_ref = held.org_ref
    WHERE held.actor_ref = professional.account_ref AND org.kind = 'establishment'
      AND held.role = ANY ($2::text[]) AND held.suspended_at IS NULL
      AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN held.starts_on AND held.ends_on
) AS place ON NOT EXISTS (
    SELECT 1 FROM accounts.organisation AS closed
    WHERE closed.establishment_ref = place.establishment_ref AND closed.suspended_at IS NOT NULL
)
LEFT JOIN accounts.establishment ON establishment.establishment_ref = place.establishment_ref
WHERE professional.rpps = $1::text
ORDER BY place.rank, place.establishment_ref, place.accountable_ref;

-- name: load_portal_session
-- A browser session that goes on, of a professional in a role that may check rights: whom it is for, and where.
SELECT session.actor_ref AS account_ref,
       COALESCE(org.establishment_ref, professional.establishment_ref) AS establishment_ref,
       session.accountable_ref, extract(epoch FROM session.expires_at)::bigint AS expires_s
FROM accounts.session
JOIN accounts.professional ON professional.account_ref = session.actor_ref
LEFT JOIN accounts.organisation AS org ON org.org_ref = session.org_ref
WHERE session.session_ref = $1::bigint AND session.role = ANY ($2::text[])
  AND session.ended_at IS NULL AND session.expires_at > clock_timestamp();

-- name: load_holders
-- The professionals who answer for an establishment: those who hold it today. Suspended ones answer for nothing.
SELECT professional.account_ref, professional.rpps
FROM accounts.membership AS held
JOIN accounts.organisation AS own ON own.org_ref = held.org_ref AND own.establishment_ref = $1::bigint
JOIN accounts.professional ON professional.account_ref = held.actor_ref
JOIN accounts.actor ON actor.actor_ref = held.actor_ref
WHERE held.role = 'holder' AND held.suspended_at IS NULL AND actor.suspended_at IS NULL
  AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN held.starts_on AND held.ends_on
ORDER BY professional.account_ref
LIMIT 100;

-- name: append_gateway_event
-- A security event seen by the gateway.
INSERT INTO accounts.security_event (event_ref, kind, actor_ref, org_ref, address, agent, details)
VALUES ($1::bigint, $2::text, $3::bigint, $4::bigint, $5::text, $6::text, $7::text::jsonb);
