-- What the guard keeps of accounts.

-- True for the host's agents who may read the guard (permission read_guard; a test compares).
CREATE FUNCTION accounts.guards() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT accounts.is_host()
       AND COALESCE(accounts.my_role() IN ('operator_admin', 'operator_security', 'operator_dpo'), false) $$;
REVOKE EXECUTE ON FUNCTION accounts.guards FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.guards TO rempart_portals;
