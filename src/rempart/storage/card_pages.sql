-- Cards as pages list them, under the rows of whoever asks.

-- name: list_own_cards
-- The visitor's own cards, the newest first, with what prints those that still count.
SELECT card.serial, card.year, card.beneficiaries, card.issued_on, card.valid_from, card.valid_to, card.purpose,
       card.large_print, card.revoked_at, card.revoked_reason, print.sealed
FROM rights.card
LEFT JOIN rights.card_print AS print
       ON print.serial = card.serial AND card.revoked_at IS NULL AND card.valid_to >= %(today)s
WHERE card.holder_ref = %(person_ref)s
ORDER BY card.issued_on DESC, card.valid_from DESC, card.part, card.serial
LIMIT %(limit)s::bigint;

-- name: list_card_batches
-- One page of the batches the visitor may follow, and how many there are: with the cards that are printed, and no batch that has
-- none. `sort` names a column; newest first among equals.
WITH followed AS MATERIALIZED (
    SELECT card_batch.*, rights.count_letters(batch_ref) AS cards
    FROM (SELECT batch_ref, run_ref, insurer_id, number, made_at, printed_at FROM rights.card_batch) AS card_batch
)
SELECT batch.batch_ref, insurer.name, run.kind, run.year, batch.number, batch.cards, batch.made_at,
       batch.printed_at, run.finished_at, count(*) OVER () AS total
FROM followed AS batch
JOIN rights.card_run AS run USING (run_ref)
JOIN rights.insurer AS insurer ON insurer.insurer_id = batch.insurer_id
WHERE batch.cards > 0
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'number' THEN batch.number WHEN 'cards' THEN batch.cards WHEN 'year' THEN run.year
             WHEN 'kind' THEN (run.kind = 'orders')::integer
             WHEN 'printed' THEN COALESCE(extract(epoch FROM batch.printed_at), 0)
             ELSE extract(epoch FROM batch.made_at) END,
         batch.made_at DESC, batch.batch_ref
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: list_batch_cards
-- One page of the cards of a batch that the visitor may see, and how many there are.
SELECT card.serial, batch.number, card.page, card.issued_on, card.valid_from, card.valid_to, card.beneficiaries, card.purpose,
       card.large_print, card.revoked_at, card.revoked_reason, count(*) OVER () AS total
FROM rights.card
JOIN rights.card_batch AS batch USING (batch_ref)
WHERE batch.batch_ref = %(batch_ref)s
ORDER BY %(direction)s::integer * CASE %(sort)s::text
             WHEN 'beneficiaries' THEN card.beneficiaries WHEN 'begins' THEN card.valid_from - date '2000-01-01'
             WHEN 'ends' THEN card.valid_to - date '2000-01-01'
             WHEN 'state' THEN COALESCE(extract(epoch FROM card.revoked_at), 0)
             ELSE card.page END,
         card.page, card.serial
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint;

-- name: count_card_orders
-- Orders that wait, among those the visitor sees.
SELECT count(*) FROM rights.card_order WHERE done_at IS NULL;
