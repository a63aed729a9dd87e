-- Policies of presence and readers of Vitale cards, as pages list and change them: under the row policies of whoever asks.

-- name: list_policies
-- One page of the policies, the widest first, and how many there are.
SELECT policy.policy_ref, place.name, COALESCE(place.finess, place.siret), account.rpps, policy.required, policy.known_faces,
       policy.typed_persons_per_day, policy.set_at, count(*) OVER () AS total
FROM rights.presence_policy AS policy
LEFT JOIN accounts.establishment AS place ON place.establishment_ref = policy.establishment_ref
LEFT JOIN accounts.professional AS account ON account.account_ref = policy.account_ref
ORDER BY policy.account_ref IS NOT NULL, policy.establishment_ref IS NOT NULL, policy.set_at DESC, policy.policy_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: delete_policy
-- Takes a policy back: the next wider one applies.
DELETE FROM rights.presence_policy WHERE policy_ref = %(policy_ref)s;

-- name: count_typed
-- What was typed without presence since an instant, in the part of the ledger that goes back to it: answers, accounts,
-- and those that typed about more persons than a bound; of everybody, of an establishment or of one account.
WITH recent AS MATERIALIZED (
    SELECT h.log_id, h.size AS ends, COALESCE(before.size, 0) AS starts
    FROM ledger.head AS h
    LEFT JOIN LATERAL (
        SELECT c.size FROM ledger.checkpoint AS c
        WHERE c.log_id = h.log_id AND c.t_ms < %(since_ms)s::bigint
        ORDER BY c.size DESC LIMIT 1
    ) AS before ON true
), those AS MATERIALIZED (
    SELECT account.account_ref FROM accounts.professional AS account
    WHERE account.establishment_ref = %(establishment_ref)s::bigint OR account.account_ref = %(account_ref)s::bigint
    UNION
    SELECT held.actor_ref FROM accounts.membership AS held
    JOIN accounts.organisation AS place USING (org_ref)
    WHERE place.establishment_ref = %(establishment_ref)s::bigint
), typed AS (
    SELECT e.account_ref, count(*) AS answers,
           count(DISTINCT e.person_ref) FILTER (WHERE e.person_ref <> 0) + count(*) FILTER (WHERE e.person_ref = 0) AS faces
    FROM recent AS r
    JOIN ledger.entry AS e ON e.log_id = r.log_id AND e.idx >= r.starts AND e.idx < r.ends
    WHERE e.kind IN (1, 2) AND e.mode = 2 AND e.t_ms >= %(since_ms)s::bigint
      AND (%(everybody)s::boolean OR e.account_ref IN (SELECT account_ref FROM those))
    GROUP BY e.account_ref
)
SELECT COALESCE(sum(answers), 0)::bigint, count(*),
       count(*) FILTER (WHERE faces > %(bound)s::integer)
FROM typed;

-- name: list_terminals
-- One page of the readers that may be seen, and how many there are. `direction` is 1 or -1; newest first among equals.
SELECT reader.terminal_ref, place.name, COALESCE(place.finess, place.siret), reader.kid, reader.label, reader.registered_at,
       reader.revoked_at, count(*) OVER () AS total
FROM accounts.terminal AS reader
JOIN accounts.establishment AS place USING (establishment_ref)
CROSS JOIN LATERAL (
    SELECT CASE %(sort)s::text WHEN 'label' THEN lower(reader.label) WHEN 'place' THEN lower(place.name)
                WHEN 'state' THEN COALESCE(to_char(reader.revoked_at, 'YYYYMMDDHH24MISS'), '')
                ELSE to_char(reader.registered_at, 'YYYYMMDDHH24MISSUS') END AS value
) AS key
ORDER BY CASE WHEN %(direction)s::integer = 1 THEN key.value END, CASE WHEN %(direction)s::integer = -1 THEN key.value END DESC,
         reader.registered_at DESC, reader.terminal_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: find_terminal
-- One reader that may be seen.
SELECT reader.terminal_ref, place.name, COALESCE(place.finess, place.siret), reader.kid, reader.label, reader.registered_at,
       reader.revoked_at
FROM accounts.terminal AS reader JOIN accounts.establishment AS place USING (establishment_ref)
WHERE reader.terminal_ref = %(terminal_ref)s;
