-- Who hosts, operates and processes for whom (psycopg: roles portals and registrar; the function shows each visitor their own links).

-- name: list_links
-- One page of the links the visitor is part of; `direction` is 1 or -1, by `sort`. An open end comes back as null.
SELECT c.kind, c.principal_ref, c.principal, c.insurer_id, c.agent_ref, c.agent, c.starts_on, c.ends_on, count(*) OVER () AS total
FROM (SELECT x.*, row_number() OVER (ORDER BY lower(x.agent), lower(x.principal), x.starts_on) AS agent_rank,
             row_number() OVER (ORDER BY lower(x.principal), lower(x.agent), x.starts_on) AS principal_rank
      FROM accounts.read_chain() AS x) AS c
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'principal' THEN c.principal_rank
             WHEN 'kind' THEN array_position('{hosts,operates,sub_processes}'::text[], c.kind)
             WHEN 'starts' THEN c.starts_on - date '2000-01-01'
             WHEN 'ends' THEN COALESCE(c.ends_on, date '9999-12-31') - date '2000-01-01'
             ELSE c.agent_rank
         END, c.agent_rank
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: count_checks
-- Checks about each insurer's members since an instant, as far as the visitor sees them. No reference leaves.
SELECT insurer_id, count(*) FROM ledger.entry
WHERE kind IN (1, 2) AND mode <= 4 AND t_ms >= %(since_ms)s AND insurer_id <> 0
GROUP BY insurer_id;

-- name: list_insurers
-- The organisations of insurers, where their addresses are.
SELECT DISTINCT ON (o.insurer_id) o.org_ref, o.insurer_id, o.name FROM accounts.organisation AS o
WHERE o.insurer_id IS NOT NULL AND o.kind = 'insurer' ORDER BY o.insurer_id, o.org_ref;

-- name: count_told
-- Whom a cut was told to, and at how many addresses.
SELECT e.org_ref, COALESCE(max(w.warnings), 0)
FROM accounts.security_event AS e
LEFT JOIN LATERAL accounts.count_warnings(ARRAY[e.event_ref]) AS w ON true
WHERE e.kind = 'services_cut' AND e.details ->> 'cut' = %(cut)s AND e.org_ref IS NOT NULL
GROUP BY e.org_ref;
