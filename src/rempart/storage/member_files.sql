-- Files of members that an insurer's agents open (role portals): by functions that check whose session opened them.

-- name: open_member_file
-- Opens the file of whom a key leads to; `person` is null for nobody.
SELECT taken, person FROM rights.open_member_file(%(file_ref)s, %(lookup_key)s::uuid, %(motive)s, %(most)s);

-- name: open_contract_file
-- Opens the file of a contract; `persons` is null for none.
SELECT taken, persons FROM rights.open_contract_file(%(file_ref)s, %(contract_ref)s, %(motive)s, %(most)s);

-- name: open_covered_file
-- Opens the file of one of the people on a small contract whose file is open.
SELECT taken, person FROM rights.open_covered_file(%(file_ref)s, %(from_file)s, %(place)s, %(most_people)s, %(most)s);

-- name: read_file
-- A file that the visitor's session opened.
SELECT COALESCE(person_ref, 0), COALESCE(contract_ref, 0), insurer_id, motive, opened_at FROM rights.read_file(%(file_ref)s);

-- name: list_sheet
-- The lines of the sheet of a file.
SELECT is_present, feed_version, contract_ref, starts_on, ends_on, suspended_from, suspended_to, COALESCE(convention_type, ''),
       COALESCE(csr, ''), COALESCE(responsible, false), COALESCE(domains, '{}')
FROM rights.read_file_sheet(%(file_ref)s);

-- name: list_cards
-- The cards somebody is on.
SELECT serial, issued_on, valid_from, valid_to, is_holder, revoked_at FROM rights.read_file_cards(%(file_ref)s);

-- name: list_exposures
-- What the insurer was sent about somebody, for whoever answers for members.
SELECT incident_id, title, exercise, tier, fields, sent_at FROM incidents.read_file_exposures(%(file_ref)s);

-- name: list_subjects
-- Whom the file of a small contract is about.
SELECT place, person_ref FROM rights.list_file_subjects(%(file_ref)s, %(most_people)s);

-- name: count_people
-- How many people a contract covers, from when to when, and how many are suspended.
SELECT persons, first_on, last_on, suspended FROM rights.count_file_people(%(file_ref)s);

-- name: count_files
-- How many files were opened today, by agent.
SELECT actor_ref, name, files, nobody FROM rights.count_files();

-- name: list_file_claims
-- The last claims of a person, without their acts.
SELECT c.claim_ref, c.establishment_ref, c.state, c.received_at, c.first_care_on, c.billed_cents, c.amc_cents
FROM claims.claim AS c
WHERE c.person_ref = %(person_ref)s::bigint AND c.insurer_id = %(insurer_id)s::integer
ORDER BY c.received_at DESC, c.claim_ref LIMIT %(most)s::bigint;

-- name: list_consultations
-- The last answers about a person since an instant, by pseudonyms.
SELECT e.log_id, e.idx, e.t_ms, e.account_ref, e.domain, e.mode, e.outcome
FROM ledger.entry AS e
WHERE e.person_ref = %(person_ref)s::bigint AND e.insurer_id = %(insurer_id)s::integer AND e.kind = 1
  AND e.t_ms >= %(since_ms)s::bigint
ORDER BY e.t_ms DESC, e.log_id, e.idx DESC LIMIT %(most)s::bigint;

-- name: has_account
-- Whether a person enrolled in the member space.
SELECT EXISTS (SELECT FROM accounts.member AS m WHERE m.person_ref = %(person_ref)s::bigint AND m.insurer_id = %(insurer_id)s::integer);

-- name: load_amc_number
-- The number that identifiers of the visitor's insurer name.
SELECT amc_number FROM rights.insurer WHERE insurer_id = %(insurer_id)s;
