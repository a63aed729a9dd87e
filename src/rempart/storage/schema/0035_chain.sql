-- Who stands between an insurer and the host, on any day: who hosts whom, who operates and who processes for whom. Reasons:
-- docs/adr/0048-the-chain.md.

-- Hosting is a mandate like the others, with its days; accounts.organisation.hosted_by says who the host is, and opens no page.
ALTER TABLE accounts.mandate DROP CONSTRAINT mandate_kind_check;
ALTER TABLE accounts.mandate ADD CONSTRAINT mandate_kind_check CHECK (kind IN ('operates', 'sub_processes', 'hosts'));
ALTER TABLE accounts.mandate ADD CONSTRAINT one_host_a_day EXCLUDE USING gist (
    int8range(principal_ref, principal_ref, '[]') WITH &&,
    daterange(starts_on, ends_on, '[]') WITH &&) WHERE (kind = 'hosts');
INSERT INTO accounts.mandate (mandate_ref, principal_ref, agent_ref, kind, starts_on)
SELECT ('x' || left(translate(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint & 9223372036854775807,
       o.org_ref, o.hosted_by, 'hosts', (o.created_at AT TIME ZONE 'Europe/Paris')::date
FROM accounts.organisation AS o WHERE o.hosted_by IS NOT NULL;

-- True for whoever reads the chain they are a link of (permission read_chain; a test compares).
CREATE FUNCTION accounts.reads_chain() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security', 'operator_dpo', 'operator_ops',
                                           'insurer_admin', 'insurer_dpo'), false) $$;

-- The links that the visitor is part of; all of them for the host. An operator sees who processes for its insurers, and not who
-- operated for them before or after it; an insurer sees who hosts its operator.
CREATE FUNCTION accounts.read_chain()
    RETURNS TABLE (kind text, principal_ref bigint, principal text, insurer_id integer, agent_ref bigint, agent text,
                   starts_on date, ends_on date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.kind, d.principal_ref, p.name, p.insurer_id, d.agent_ref, a.name, d.starts_on, NULLIF(d.ends_on, 'infinity')
    FROM accounts.mandate AS d
    JOIN accounts.organisation AS p ON p.org_ref = d.principal_ref
    JOIN accounts.organisation AS a ON a.org_ref = d.agent_ref
    WHERE accounts.reads_chain()
      AND (accounts.is_host()
           OR accounts.my_org() IN (d.principal_ref, d.agent_ref)
           OR (d.kind = 'sub_processes' AND p.insurer_id = ANY (accounts.my_insurers()))
           OR (d.kind = 'hosts' AND EXISTS (
               SELECT 1 FROM accounts.mandate AS mine
               WHERE mine.kind = 'operates' AND mine.principal_ref = accounts.my_org() AND mine.agent_ref = d.principal_ref
                 AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN mine.starts_on AND mine.ends_on)))
$$;
REVOKE EXECUTE ON FUNCTION accounts.reads_chain, accounts.read_chain FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.reads_chain, accounts.read_chain TO rempart_portals;
