-- What amounts depend on besides claims: the standing of who bills, limits used outside tiers payant.

-- name: list_places
-- The establishments of some numbers, FINESS or SIRET.
SELECT establishment_ref, finess, siret FROM accounts.establishment
WHERE finess = ANY (%(numbers)s::text[]) OR siret = ANY (%(numbers)s::text[]);

-- name: save_standings
-- Writes standings; of one establishment and day, the last one given holds. Counts what changed.
INSERT INTO claims.standing AS known (establishment_ref, since, optam, circuits)
SELECT place, since, optam, string_to_array(circuits, ' ')
FROM unnest(%(places)s::bigint[], %(days)s::date[], %(optams)s::boolean[], %(circuits)s::text[])
     AS given (place, since, optam, circuits)
ON CONFLICT (establishment_ref, since) DO UPDATE SET optam = EXCLUDED.optam, circuits = EXCLUDED.circuits
WHERE (known.optam, known.circuits) IS DISTINCT FROM (EXCLUDED.optam, EXCLUDED.circuits);

-- name: find_members
-- Whom look-up keys lead to, and their insurer; 0 for nobody. In the order of the keys.
SELECT person_ref, insurer_id FROM claims.find_persons(%(keys)s::uuid[]) ORDER BY "position";

-- name: list_contracts
-- The contracts some people have or had with an insurer.
SELECT DISTINCT s.person_ref, contract.ref
FROM (SELECT person_ref, insurer_id, contract_ref FROM rights.coverage
      WHERE person_ref = ANY (%(persons)s) AND insurer_id = %(insurer_id)s
      UNION ALL
      SELECT person_ref, insurer_id, contract_ref FROM rights.past_coverage
      WHERE person_ref = ANY (%(persons)s) AND insurer_id = %(insurer_id)s) AS s
CROSS JOIN LATERAL unnest(s.contract_ref) AS contract (ref);

-- name: add_outside
-- Writes what claims outside tiers payant used; a number that is known is left as it is.
INSERT INTO claims.outside_use (insurer_id, subject, person_ref, contract_ref, name, since, cents, units, day)
SELECT %(insurer_id)s, subject, person_ref, contract_ref, name, since, cents, units, day
FROM unnest(%(subjects)s::text[], %(persons)s::bigint[], %(contracts)s::bigint[], %(names)s::text[], %(sinces)s::date[],
            %(cents)s::integer[], %(units)s::smallint[], %(days)s::date[])
     AS given (subject, person_ref, contract_ref, name, since, cents, units, day)
ON CONFLICT (insurer_id, subject) DO NOTHING;

-- name: list_outside
-- What is known under some numbers of an insurer.
SELECT subject, person_ref, contract_ref, name, since, cents, units, day FROM claims.outside_use
WHERE insurer_id = %(insurer_id)s AND subject = ANY (%(subjects)s::text[]);
