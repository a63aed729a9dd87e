-- A cut is told to whom it touches (0035): whoever cuts at the host's machine reads the chain too.

CREATE OR REPLACE FUNCTION accounts.read_chain()
    RETURNS TABLE (kind text, principal_ref bigint, principal text, insurer_id integer, agent_ref bigint, agent text,
                   starts_on date, ends_on date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.kind, d.principal_ref, p.name, p.insurer_id, d.agent_ref, a.name, d.starts_on, NULLIF(d.ends_on, 'infinity')
    FROM accounts.mandate AS d
    JOIN accounts.organisation AS p ON p.org_ref = d.principal_ref
    JOIN accounts.organisation AS a ON a.org_ref = d.agent_ref
    WHERE session_user <> 'rempart_portals' OR accounts.reads_chain()
      AND (accounts.is_host()
           OR accounts.my_org() IN (d.principal_ref, d.agent_ref)
           OR (d.kind = 'sub_processes' AND p.insurer_id = ANY (accounts.my_insurers()))
           OR (d.kind = 'hosts' AND EXISTS (
               SELECT 1 FROM accounts.mandate AS mine
               WHERE mine.kind = 'operates' AND mine.principal_ref = accounts.my_org() AND mine.agent_ref = d.principal_ref
                 AND (now() AT TIME ZONE 'Europe/Paris')::date BETWEEN mine.starts_on AND mine.ends_on)))
$$;
GRANT EXECUTE ON FUNCTION accounts.read_chain TO rempart_plane_accounts;

-- What was told of a cut, found by its number.
CREATE INDEX security_event_of_cut ON accounts.security_event ((details ->> 'cut')) WHERE kind IN ('services_cut', 'services_restored');
