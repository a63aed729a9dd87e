-- Cards: runs that issue them, what each prints and opens, orders, revocations, signed documents.

-- name: claim_cards
-- One run at a time for one insurer; let go when the connection ends, however it ends.
SELECT pg_try_advisory_lock(1380273491, %(insurer_id)s);

-- name: load_card_run
-- The run of an insurer that is not finished, if any.
SELECT run_ref, kind, year, batch_size, contracts, started_at
FROM rights.card_run WHERE insurer_id = %(insurer_id)s AND finished_at IS NULL;

-- name: open_card_run
-- Starts a run; its work is listed in the same transaction.
INSERT INTO rights.card_run (run_ref, insurer_id, kind, year, batch_size)
VALUES (%(run_ref)s, %(insurer_id)s, %(kind)s, %(year)s, %(batch_size)s)
RETURNING started_at;

-- name: list_yearly_work
-- Everybody covered in a year by a contract that has no card in force for it, each with the first line that counts.
INSERT INTO rights.card_work (run_ref, contract_ref, person_ref, starts_on, ends_on, terms_id)
SELECT DISTINCT ON (line.contract_ref, sheet.person_ref)
       %(run_ref)s, line.contract_ref, sheet.person_ref, line.starts_on, line.ends_on, line.terms_id
FROM rights.coverage AS sheet
JOIN rights.insurer USING (insurer_id)
CROSS JOIN LATERAL unnest(sheet.contract_ref, sheet.starts_on, sheet.ends_on, sheet.suspended_from, sheet.suspended_to,
                          sheet.terms_id)
    AS line (contract_ref, starts_on, ends_on, suspended_from, suspended_to, terms_id)
WHERE insurer_id = %(insurer_id)s
  AND sheet.opened_in <= insurer.published_version AND sheet.closed_in > insurer.published_version
  AND line.starts_on <= %(last_day)s AND line.ends_on >= %(first_day)s
  AND NOT (line.suspended_from <= GREATEST(line.starts_on, %(first_day)s)
           AND line.suspended_to >= LEAST(line.ends_on, %(last_day)s))
  AND NOT EXISTS (
      SELECT FROM rights.card
      WHERE card.contract_ref = line.contract_ref AND card.year = %(year)s AND card.revoked_at IS NULL)
ORDER BY line.contract_ref, sheet.person_ref, line.starts_on;

-- name: list_ordered_work
-- The same for the contracts of the orders that wait: that of the card named, or those of who asked.
WITH waiting AS MATERIALIZED (
    SELECT person_ref, serial FROM rights.card_order WHERE insurer_id = %(insurer_id)s AND done_at IS NULL
), ordered AS MATERIALIZED (
    SELECT array_agg(DISTINCT named.contract_ref) AS contracts
    FROM (
        SELECT card.contract_ref FROM waiting JOIN rights.card USING (serial)
        UNION ALL
        SELECT unnest(sheet.contract_ref)
        FROM waiting JOIN rights.coverage AS sheet USING (person_ref)
        WHERE waiting.serial IS NULL AND sheet.closed_in = 9223372036854775807
    ) AS named
)
INSERT INTO rights.card_work (run_ref, contract_ref, person_ref, starts_on, ends_on, terms_id)
SELECT DISTINCT ON (line.contract_ref, sheet.person_ref)
       %(run_ref)s, line.contract_ref, sheet.person_ref, line.starts_on, line.ends_on, line.terms_id
FROM rights.coverage AS sheet
JOIN rights.insurer USING (insurer_id)
CROSS JOIN ordered
CROSS JOIN LATERAL unnest(sheet.contract_ref, sheet.starts_on, sheet.ends_on, sheet.terms_id)
    AS line (contract_ref, starts_on, ends_on, terms_id)
WHERE insurer_id = %(insurer_id)s AND sheet.contract_ref && ordered.contracts
  AND line.contract_ref = ANY (ordered.contracts)
  AND sheet.opened_in <= insurer.published_version AND sheet.closed_in > insurer.published_version
  AND line.starts_on <= %(last_day)s AND line.ends_on >= %(first_day)s
ORDER BY line.contract_ref, sheet.person_ref, line.starts_on;

-- name: count_card_work
-- How many contracts a run has still to do.
SELECT count(DISTINCT contract_ref) FROM rights.card_work WHERE run_ref = %(run_ref)s;

-- name: note_contracts
-- How many contracts a run began with.
UPDATE rights.card_run SET contracts = %(contracts)s WHERE run_ref = %(run_ref)s;

-- name: take_card_work
-- The next contracts of a run, with their people sealed; they are out of the list once the batch is committed. Canaries come
-- last: their cards are made like any, and are the last of their batch, which nobody prints. They come beyond the number of
-- contracts asked for: a batch that is short of some would tell how many they are.
WITH ours AS MATERIALIZED (
    SELECT DISTINCT contract_ref FROM rights.card_work AS work
    WHERE run_ref = %(run_ref)s
      AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = work.person_ref)
    ORDER BY contract_ref LIMIT %(contracts)s
), next AS MATERIALIZED (
    SELECT contract_ref FROM ours
    UNION
    SELECT contract_ref FROM rights.card_work AS work
    WHERE run_ref = %(run_ref)s
      AND EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = work.person_ref)
      AND ((SELECT count(*) FROM ours) < %(contracts)s OR contract_ref < (SELECT max(contract_ref) FROM ours))
), taken AS (
    DELETE FROM rights.card_work USING next
    WHERE card_work.run_ref = %(run_ref)s AND card_work.contract_ref = next.contract_ref
    RETURNING card_work.*
)
SELECT taken.contract_ref, taken.person_ref, taken.starts_on, NULLIF(taken.ends_on, 'infinity') AS ends_on,
       taken.terms_id, person.sealed, large.person_ref IS NOT NULL AS large_print
FROM taken
JOIN identity.person USING (person_ref)
LEFT JOIN rights.card_large_print AS large USING (person_ref)
ORDER BY EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = taken.person_ref), taken.contract_ref,
         taken.person_ref;

-- name: load_contract_terms
-- Guarantees by their reference.
SELECT terms_id, convention_type, csr, responsible, domains FROM rights.terms WHERE terms_id = ANY (%(terms_ids)s);

-- name: load_attachments
-- Who is on whose card, in contracts whose adults have one each.
SELECT contract_ref, holder_ref, person_ref FROM rights.card_attachment WHERE contract_ref = ANY (%(contract_refs)s)
ORDER BY contract_ref, holder_ref, person_ref;

-- name: clear_attachments
-- Gives a contract one card for everybody again.
DELETE FROM rights.card_attachment WHERE contract_ref = %(contract_ref)s;

-- name: add_attachment
-- Puts somebody on a holder's own card.
INSERT INTO rights.card_attachment (contract_ref, holder_ref, person_ref, insurer_id)
VALUES (%(contract_ref)s, %(holder_ref)s, %(person_ref)s, %(insurer_id)s);

-- name: add_batch
-- A batch, in the transaction that makes its cards.
INSERT INTO rights.card_batch (batch_ref, run_ref, insurer_id, number, cards, pages)
VALUES (%(batch_ref)s, %(run_ref)s, %(insurer_id)s, %(number)s, %(cards)s, %(pages)s);

-- name: next_batch_number
-- The number of the run's next batch.
SELECT COALESCE(max(number), 0) + 1 FROM rights.card_batch WHERE run_ref = %(run_ref)s;

-- name: add_card
-- A card.
INSERT INTO rights.card (serial, insurer_id, contract_ref, holder_ref, year, part, beneficiaries, key_id, issued_on,
                         valid_from, valid_to, purpose, large_print, replaces, batch_ref, page)
VALUES (%(serial)s, %(insurer_id)s, %(contract_ref)s, %(holder_ref)s, %(year)s, %(part)s, %(beneficiaries)s, %(key_id)s,
        %(issued_on)s, %(valid_from)s, %(valid_to)s, %(purpose)s, %(large_print)s, %(replaces)s, %(batch_ref)s, %(page)s);

-- name: add_print
-- What prints it, sealed.
INSERT INTO rights.card_print (serial, person_ref, sealed) VALUES (%(serial)s, %(person_ref)s, %(sealed)s);

-- name: add_card_key
-- What leads from its code and a place to a person: kept for ever, and open from now on to the gateway.
WITH kept AS (
    INSERT INTO rights.card_key (presence_key, serial, person_ref, place)
    VALUES (%(presence_key)s, %(serial)s, %(person_ref)s, %(place)s)
)
INSERT INTO rights.lookup (lookup_key, person_ref) VALUES (%(presence_key)s, %(person_ref)s);

-- name: list_batches_of_run
-- The batches of a run, in order, with the cards to print of each; or one of them.
SELECT batch_ref, number,
       cards - (SELECT count(*) FROM rights.card AS planted
                WHERE planted.batch_ref = card_batch.batch_ref
                  AND EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = planted.holder_ref)) AS cards,
       pages, made_at, printed_at IS NOT NULL AS printed, file_digest
FROM rights.card_batch
WHERE run_ref = %(run_ref)s AND batch_ref = COALESCE(%(batch_ref)s, batch_ref) ORDER BY number;

-- name: load_prints
-- What prints the cards of a batch, in the order of its pages; none of a canary, whose letter would reach nobody.
SELECT card.serial, print.sealed
FROM rights.card JOIN rights.card_print AS print USING (serial)
WHERE card.batch_ref = %(batch_ref)s
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = card.holder_ref)
ORDER BY card.page;

-- name: note_printed
-- A batch's file is written.
UPDATE rights.card_batch SET printed_at = clock_timestamp(), file_digest = %(file_digest)s
WHERE batch_ref = %(batch_ref)s;

-- name: list_run_cards
-- The index of a run: batch, first page, card. No name, and no card that was not printed.
SELECT batch.number, card.page, card.serial
FROM rights.card_batch AS batch JOIN rights.card USING (batch_ref)
WHERE batch.run_ref = %(run_ref)s
  AND NOT EXISTS (SELECT FROM guard.canary WHERE canary.person_ref = card.holder_ref)
ORDER BY batch.number, card.page;

-- name: finish_card_run
-- A run whose every file is written.
UPDATE rights.card_run SET finished_at = clock_timestamp() WHERE run_ref = %(run_ref)s;

-- name: list_waiting_orders
-- Orders that wait, of an insurer: whose card, and why.
SELECT order_ref, person_ref, serial, purpose, large_print
FROM rights.card_order WHERE insurer_id = %(insurer_id)s AND done_at IS NULL ORDER BY asked_at, order_ref;

-- name: end_orders
-- Orders of some people, now that their cards are made.
UPDATE rights.card_order SET done_at = clock_timestamp(), outcome = 'made'
WHERE insurer_id = %(insurer_id)s AND person_ref = ANY (%(person_refs)s) AND done_at IS NULL;

-- name: end_impossible_orders
-- Orders from before a run that found nobody to make a card for.
UPDATE rights.card_order SET done_at = clock_timestamp(), outcome = 'not_covered'
WHERE insurer_id = %(insurer_id)s AND done_at IS NULL AND asked_at < %(before)s;

-- name: add_order
-- An order. One waits at a time: a second one while the first waits changes nothing.
INSERT INTO rights.card_order (order_ref, insurer_id, person_ref, serial, purpose, large_print, asked_by)
VALUES (%(order_ref)s, %(insurer_id)s, %(person_ref)s, %(serial)s, %(purpose)s, %(large_print)s, %(asked_by)s)
ON CONFLICT DO NOTHING;

-- name: has_waiting_order
-- Whether an order of somebody waits.
SELECT EXISTS (SELECT FROM rights.card_order WHERE person_ref = %(person_ref)s AND done_at IS NULL);

-- name: set_large_print
-- Remembers who wants large print.
INSERT INTO rights.card_large_print (person_ref, insurer_id) VALUES (%(person_ref)s, %(insurer_id)s)
ON CONFLICT (person_ref) DO NOTHING;

-- name: list_cards_in_force
-- Cards of a contract that count, for a year.
SELECT serial, holder_ref, part FROM rights.card
WHERE contract_ref = %(contract_ref)s AND year = %(year)s AND revoked_at IS NULL ORDER BY holder_ref, part;

-- name: revoke_card
-- Revokes a card and takes its keys away; see the function.
SELECT rights.revoke_card(%(serial)s, %(reason)s);

-- name: find_card
-- One card, as far as whoever asks may see it; its holder does not see the batch.
SELECT card.serial, card.insurer_id, card.contract_ref, card.holder_ref, card.year, card.beneficiaries, card.issued_on,
       card.valid_from, card.valid_to, card.purpose, card.large_print, card.revoked_at, card.revoked_reason,
       batch.number, card.page, batch.printed_at
FROM rights.card LEFT JOIN rights.card_batch AS batch USING (batch_ref)
WHERE card.serial = %(serial)s;
