-- Cuts, policies and how services are: the gateway ($1, asyncpg), the pages and the command line (psycopg).

-- name: load_cuts_in_force
-- The gateway, every second: what is cut now, and which number an insurer that is cut is named by.
SELECT cut.scope, cut.reason, cut.insurer_id, insurer.amc_number,
       floor(extract(epoch FROM cut.starts_at) * 1000)::bigint AS starts_ms,
       floor(extract(epoch FROM cut.ends_at) * 1000)::bigint AS ends_ms
FROM rights.cut
LEFT JOIN rights.insurer USING (insurer_id)
WHERE cut.starts_at IS NOT NULL AND cut.ended_at IS NULL
  AND (cut.ends_at IS NULL OR cut.ends_at > clock_timestamp());

-- name: load_policies
-- The gateway, every second: what may be asked without presence.
SELECT establishment_ref, account_ref, required, known_faces, typed_persons_per_day FROM rights.presence_policy;

-- name: load_limits
-- The gateway, every second: what each insurer bounds now; the last one set that has begun.
SELECT DISTINCT ON (insurer_id) insurer_id, required, known_faces, typed_persons_per_day
FROM rights.insurer_limit WHERE active_from <= clock_timestamp() ORDER BY insurer_id, set_at DESC;

-- name: load_measures
-- The gateway, every second: which accounts, places, software and professions are held, and how.
SELECT step, target, target_ref, profession, floor(extract(epoch FROM starts_at) * 1000)::bigint AS starts_ms,
       floor(extract(epoch FROM ends_at) * 1000)::bigint AS ends_ms
FROM guard.measure
WHERE starts_at IS NOT NULL AND ended_at IS NULL AND (ends_at IS NULL OR ends_at > clock_timestamp());

-- name: list_cuts
-- Cuts that began, the newest first, of the last days; with those only asked for, and the notes, for whoever may see them.
SELECT cut_ref, scope, insurer_id, insurer_name, reason, COALESCE(cut_note.note, '') AS note, asked_by, asked_at, approved_by,
       starts_at, review_at, ends_at, restore_asked_by, restore_asked_at, ended_by, ended_at
FROM rights.cut LEFT JOIN rights.cut_note USING (cut_ref)
WHERE COALESCE(ended_at, ends_at, 'infinity') > %(since)s
ORDER BY COALESCE(starts_at, asked_at) DESC, cut_ref
LIMIT 500;

-- name: lock_cut
-- One cut, held until the transaction ends.
SELECT cut_ref, scope, insurer_id, insurer_name, reason, COALESCE(cut_note.note, '') AS note, asked_by, asked_at, approved_by,
       starts_at, review_at, ends_at, restore_asked_by, restore_asked_at, ended_by, ended_at
FROM rights.cut LEFT JOIN rights.cut_note USING (cut_ref) WHERE cut_ref = %(cut_ref)s FOR UPDATE OF cut;

-- name: close_expired_cuts
-- A cut that ended by itself makes room for another of its kind.
UPDATE rights.cut SET ended_at = ends_at WHERE ended_at IS NULL AND ends_at <= clock_timestamp();

-- name: insert_cut
-- Cuts, or asks to cut what two persons cut. No row when the same is cut or asked for already.
INSERT INTO rights.cut (cut_ref, scope, insurer_id, insurer_name, reason, asked_by, asked_at, review_at, ends_at, starts_at)
VALUES (%(cut_ref)s, %(scope)s, %(insurer_id)s, %(insurer_name)s, %(reason)s, %(asked_by)s, %(asked_at)s, %(review_at)s,
        %(ends_at)s, CASE WHEN %(starts)s THEN %(asked_at)s::timestamptz END)
ON CONFLICT DO NOTHING
RETURNING cut_ref;

-- name: add_cut_note
-- Why, for colleagues of the host.
INSERT INTO rights.cut_note (cut_ref, note) VALUES (%(cut_ref)s, %(note)s);

-- name: approve_cut
-- The second person: it begins.
UPDATE rights.cut SET approved_by = %(by_ref)s, starts_at = %(at)s WHERE cut_ref = %(cut_ref)s AND starts_at IS NULL;

-- name: ask_restore
-- The first person of two: nothing changes yet.
UPDATE rights.cut SET restore_asked_by = %(by_ref)s, restore_asked_at = %(at)s WHERE cut_ref = %(cut_ref)s;

-- name: end_cut
-- Rights are given back, or a request is withdrawn.
UPDATE rights.cut SET ended_by = %(by_ref)s, ended_at = %(at)s WHERE cut_ref = %(cut_ref)s AND ended_at IS NULL;

-- name: find_insurer
-- An insurer by its number.
SELECT insurer_id, name FROM rights.insurer WHERE amc_number = %(amc_number)s;

-- name: list_insurers
-- The insurers that may be cut, for the host's page.
SELECT insurer_id, amc_number, name FROM rights.insurer ORDER BY name, insurer_id;

-- name: count_touched
-- What a cut would have touched since an instant: answers, accounts and persons, of one insurer or of all. No reference leaves.
-- Claims read again, and what was verified without us, go on.
SELECT count(*), count(DISTINCT account_ref), count(DISTINCT person_ref) FILTER (WHERE person_ref <> 0)
FROM ledger.entry
WHERE kind IN (1, 2) AND mode <= 4 AND t_ms >= %(since_ms)s
  AND (%(insurer_id)s::integer IS NULL OR insurer_id = %(insurer_id)s::integer);

-- name: save_policy
-- Says what an establishment, an account or everybody may ask without presence.
INSERT INTO rights.presence_policy (policy_ref, establishment_ref, account_ref, required, known_faces, typed_persons_per_day, set_by)
VALUES (%(policy_ref)s, %(establishment_ref)s, %(account_ref)s, %(required)s, %(known_faces)s, %(typed_persons_per_day)s,
        %(set_by)s)
ON CONFLICT (COALESCE(establishment_ref, 0), COALESCE(account_ref, 0))
DO UPDATE SET required = EXCLUDED.required, known_faces = EXCLUDED.known_faces,
              typed_persons_per_day = EXCLUDED.typed_persons_per_day, set_by = EXCLUDED.set_by, set_at = clock_timestamp();

-- name: lend_policy
-- For an exercise: the same policy for accounts that have none of their own; says which got it.
INSERT INTO rights.presence_policy (policy_ref, account_ref, required, known_faces, typed_persons_per_day)
SELECT %(first_ref)s + place, account_ref, %(required)s, %(known_faces)s, %(typed_persons_per_day)s
FROM unnest(%(account_refs)s::bigint[]) WITH ORDINALITY AS asked (account_ref, place)
ON CONFLICT DO NOTHING
RETURNING policy_ref;

-- name: take_back_policies
-- After an exercise.
DELETE FROM rights.presence_policy WHERE policy_ref = ANY (%(policy_refs)s);

-- name: delete_policy
-- Takes a policy back: the next wider one applies.
DELETE FROM rights.presence_policy
WHERE COALESCE(establishment_ref, 0) = %(establishment_ref)s AND COALESCE(account_ref, 0) = %(account_ref)s;

-- name: list_policies
-- Every policy, the widest first.
SELECT establishment_ref, account_ref, required, known_faces, typed_persons_per_day
FROM rights.presence_policy ORDER BY establishment_ref NULLS FIRST, account_ref NULLS FIRST;

-- name: find_account
-- The account of a professional, by number.
SELECT account_ref FROM accounts.professional WHERE rpps = %(rpps)s;

-- name: find_establishment
-- An establishment by its number FINESS or SIRET.
SELECT establishment_ref FROM accounts.establishment WHERE finess = %(number)s OR siret = %(number)s;

-- name: insert_terminal
-- Registers a terminal; no row when its key is registered already.
INSERT INTO accounts.terminal (terminal_ref, establishment_ref, kid, jwk, label, registered_by)
VALUES (%(terminal_ref)s, %(establishment_ref)s, %(kid)s, %(jwk)s, %(label)s, %(registered_by)s)
ON CONFLICT DO NOTHING RETURNING terminal_ref;

-- name: revoke_terminal
-- Stops a terminal for ever.
UPDATE accounts.terminal SET revoked_at = clock_timestamp() WHERE kid = %(kid)s AND revoked_at IS NULL;

-- name: list_terminals
-- Every terminal, the newest first.
SELECT terminal_ref, establishment_ref, kid, label, registered_at, revoked_at FROM accounts.terminal ORDER BY registered_at DESC;

-- name: load_code_secret
-- The sealed secret of the member who asks; others' rows are not shown.
SELECT sealed FROM rights.code_secret WHERE person_ref = %(person_ref)s;

-- name: insert_code_secret
-- A member's first secret; nothing when another page was faster.
INSERT INTO rights.code_secret (person_ref, sealed) VALUES (%(person_ref)s, %(sealed)s) ON CONFLICT DO NOTHING;

-- name: delete_code_secret
-- The next code comes from a new secret.
DELETE FROM rights.code_secret WHERE person_ref = %(person_ref)s;

-- name: save_probes
-- Adds what probes found to their hour.
INSERT INTO rights.service_hour AS known (service, hour, asked, answered)
VALUES (%(service)s, %(hour)s, %(asked)s, %(answered)s)
ON CONFLICT (service, hour) DO UPDATE SET asked = known.asked + EXCLUDED.asked, answered = known.answered + EXCLUDED.answered;

-- name: save_change
-- A service began or ceased to answer: written when the last thing known says otherwise.
INSERT INTO rights.service_change (service, at, works)
SELECT %(service)s, %(at)s, %(works)s
WHERE (SELECT works FROM rights.service_change WHERE service = %(service)s ORDER BY at DESC LIMIT 1)
      IS DISTINCT FROM %(works)s::boolean
ON CONFLICT DO NOTHING;

-- name: list_hours
-- What probes found since an instant.
SELECT service, hour, asked, answered FROM rights.service_hour WHERE hour >= %(since)s ORDER BY service, hour;

-- name: list_changes
-- When services began or ceased to answer, the newest first.
SELECT service, at, works FROM rights.service_change WHERE at >= %(since)s ORDER BY at DESC LIMIT 200;
