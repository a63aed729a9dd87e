-- Professionals told by the operator: what holds a message of theirs, who reads their list, and where they are reached. Their campaigns are
-- those of 0027, with 0 for the insurer. Reasons: docs/adr/0049-professionals-are-told.md.

-- As a newer package holds what it makes untrue, so does another analysis: it writes its list before it is written down itself.
CREATE FUNCTION notices.follow_analysis() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE notices.message AS m SET state = 'held', reason = 'package_changed'
    FROM notices.campaign AS c
    WHERE c.incident_id = NEW.incident_id AND c.insurer_id = 0 AND c.state NOT IN ('done', 'stopped')
      AND m.campaign_ref = c.campaign_ref AND m.state = 'waiting'
      AND NOT EXISTS (SELECT FROM incidents.exposed_professional AS x
                      WHERE x.incident_id = NEW.incident_id AND x.account_ref = m.person_ref AND x.fields <> 0
                        AND x.tier = m.certainty AND x.fields = m.fields)
      AND (m.certainty <> 'D' OR EXISTS (SELECT FROM incidents.exposed_professional AS x
                                         WHERE x.incident_id = NEW.incident_id AND x.account_ref = m.person_ref AND x.fields <> 0));
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION notices.follow_analysis FROM PUBLIC;
CREATE TRIGGER follow_analysis AFTER INSERT ON incidents.analysis FOR EACH ROW EXECUTE FUNCTION notices.follow_analysis();

-- Whoever prepares and sends: how surely and what was read of whom; where they are reached, for those of an incident only.
GRANT SELECT (incident_id, number, coverage) ON incidents.analysis TO rempart_notifier;
GRANT SELECT (incident_id, account_ref, tier, fields) ON incidents.exposed_professional TO rempart_notifier;
CREATE POLICY told ON incidents.analysis FOR SELECT TO rempart_notifier USING (true);
CREATE POLICY told ON incidents.exposed_professional FOR SELECT TO rempart_notifier USING (true);

-- The professionals that the operator tells of an incident, or told, after one of them: their name, their addresses, sealed. One that was
-- given on a page since the theft began may be the thief's: then the one before it. What the operator loaded has no hint, and is its own.
CREATE FUNCTION notices.reach_professionals(incident bigint, after bigint, most integer)
    RETURNS TABLE (account_ref bigint, name text, mail_ref bigint, mail bytea, post_ref bigint, post bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH theft AS (
        SELECT to_timestamp(i.starts_ms / 1000.0) AS began FROM incidents.incident AS i WHERE i.incident_id = incident
    ), told AS (
        SELECT x.account_ref FROM incidents.exposed_professional AS x WHERE x.incident_id = incident AND x.fields <> 0
        UNION
        SELECT m.person_ref FROM notices.message AS m JOIN notices.campaign AS c USING (campaign_ref)
        WHERE c.incident_id = incident AND c.insurer_id = 0
    ), piece AS (
        SELECT t.account_ref, p.display_name, o.org_ref
        FROM told AS t
        JOIN accounts.professional AS p ON p.account_ref = t.account_ref
        LEFT JOIN accounts.organisation AS o ON o.establishment_ref = p.establishment_ref
        WHERE t.account_ref > after ORDER BY t.account_ref LIMIT most
    ), known AS (
        SELECT DISTINCT ON (p.account_ref, k.channel) p.account_ref, k.channel, k.contact_ref, k.sealed
        FROM piece AS p CROSS JOIN theft
        JOIN accounts.contact AS k ON k.actor_ref = p.account_ref OR k.org_ref = p.org_ref
        WHERE CASE WHEN k.hint = '' THEN k.replaced_at IS NULL
                   ELSE k.added_at < theft.began AND (k.replaced_at IS NULL OR k.replaced_at >= theft.began) END
        ORDER BY p.account_ref, k.channel, k.actor_ref IS NULL, k.added_at DESC, k.contact_ref
    )
    SELECT p.account_ref, p.display_name, e.contact_ref, e.sealed, l.contact_ref, l.sealed
    FROM piece AS p
    LEFT JOIN known AS e ON e.account_ref = p.account_ref AND e.channel = 'email'
    LEFT JOIN known AS l ON l.account_ref = p.account_ref AND l.channel = 'letter'
    ORDER BY p.account_ref
$$;
REVOKE EXECUTE ON FUNCTION notices.reach_professionals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.reach_professionals TO rempart_plane_notices;
